# silt in an image: the program, what it needs at run time, and silt-ci-publish for CI.
#
#   docker build -t silt .
#   docker run --rm --init -v "$PWD:/work" silt inspect --repo repo --insecure
#
# Pin the base image by its digest where builds have to be the same for ever:
#   docker build --build-arg NODE_IMAGE=docker.io/library/node:24-bookworm-slim@sha256:... -t silt .
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /opt/silt
COPY package.json package-lock.json ./
# Nothing of other people's packages runs at build time; the Node.js is that of the image.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build-wasm.ts scripts/
COPY wasm wasm
COPY src src
RUN npm run build
# npm keeps the compiler, since a package would like to have it, for its types; nothing needs it to run.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf node_modules/typescript node_modules/@typescript node_modules/.bin/tsc \
    && rm -rf scripts src wasm tsconfig*.json package-lock.json

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="silt" \
      org.opencontainers.image.description="Delta updates and CDN content pipeline for OS, application and container images" \
      org.opencontainers.image.licenses="Apache-2.0"
# Owned by root: what runs as somebody else cannot change the program.
COPY --from=build /opt/silt /opt/silt
COPY LICENSE /opt/silt/
COPY packaging/ci/silt-ci-publish /usr/local/bin/
RUN ln -s /opt/silt/dist/cli/main.js /usr/local/bin/silt && mkdir /work && chown node:node /work
ENV NODE_ENV=production
USER node
WORKDIR /work
ENTRYPOINT ["silt"]
CMD ["--help"]
