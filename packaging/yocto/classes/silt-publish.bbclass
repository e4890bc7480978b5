# Publishes an image as a release when it has been built. In a recipe of an image: inherit silt-publish; for all of
# them, in a configuration: IMAGE_CLASSES += "silt-publish". README.md tells the rest.

# Nothing is published unless this says so: a developer's build is not a release.
SILT_PUBLISH ?= "0"

# A directory or s3://BUCKET/PREFIX.
SILT_REPO ?= ""
SILT_PRODUCT ?= "${MACHINE}"
SILT_VERSION ?= "${DISTRO_VERSION}"
# NAME=FILE with blanks between; files of DEPLOY_DIR_IMAGE. Not a compressed one: chunks would have nothing in common.
SILT_IMAGES ?= "rootfs=${IMAGE_LINK_NAME}.ext4"
SILT_CHANNEL ?= ""
# Make deltas from this many earlier releases.
SILT_BASES ?= ""
# Directories and files of keys with colons between; a path, never a key itself.
SILT_KEYS ?= ""
# More options of silt publish, quoted as in a shell.
SILT_OPTIONS ?= ""
# The program and what goes before its arguments; by its path, for the PATH of a task has HOSTTOOLS only.
SILT_COMMAND ?= "silt"

# What silt gets of the environment that bitbake was started in; and the PATH of the task.
SILT_ENVIRONMENT ?= "HOME PATH \
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_CONFIG_FILE \
    AWS_SHARED_CREDENTIALS_FILE AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE AWS_REGION AWS_DEFAULT_REGION \
    AWS_ENDPOINT_URL_S3 SILT_S3_PATH_STYLE SILT_S3_CHECKSUMS \
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SOURCE_DATE_EPOCH"

def silt_publish_arguments(d):
    """The command line, as a list; bb.fatal tells what is missing."""
    import os, shlex

    def wanted(name):
        value = (d.getVar(name) or "").strip()
        if not value:
            bb.fatal("silt-publish: expected %s to be set, found nothing" % name)
        return value

    args = shlex.split(wanted("SILT_COMMAND"))
    args += ["publish", "--repo", wanted("SILT_REPO")]
    args += ["--product", wanted("SILT_PRODUCT"), "--version", wanted("SILT_VERSION")]
    for image in wanted("SILT_IMAGES").split():
        name, separator, file = image.partition("=")
        if not (name and separator and file):
            bb.fatal('silt-publish: expected SILT_IMAGES to be NAME=FILE with blanks between, found "%s"' % image)
        path = os.path.join(d.getVar("DEPLOY_DIR_IMAGE"), file)
        if not os.path.exists(path):
            bb.fatal("silt-publish: expected the image %s, found none; is its type in IMAGE_FSTYPES?" % path)
        args += ["--image", "%s=%s" % (name, path)]
    for option, variable in (("--channel", "SILT_CHANNEL"), ("--bases", "SILT_BASES")):
        value = (d.getVar(variable) or "").strip()
        if value:
            args += [option, value]
    for path in (d.getVar("SILT_KEYS") or "").split(":"):
        if path.strip():
            args += ["--keys", path.strip()]
    return args + shlex.split(d.getVar("SILT_OPTIONS") or "")

def silt_publish_environment(d):
    """Secrets go from the environment of bitbake to silt, past its variables, which end up in logs and hashes."""
    original = d.getVar("BB_ORIGENV", False)
    env = {}
    for name in (d.getVar("SILT_ENVIRONMENT") or "").split():
        value = d.getVar(name) if name == "PATH" else original and original.getVar(name)
        if value:
            env[name] = value
    return env

python do_silt_publish() {
    import subprocess

    if not bb.utils.to_boolean(d.getVar("SILT_PUBLISH")):
        bb.note("silt-publish: nothing is published, as SILT_PUBLISH is not set")
        return
    args = silt_publish_arguments(d)
    try:
        done = subprocess.run(args, env=silt_publish_environment(d), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except OSError as error:
        bb.fatal("silt-publish: cannot start %s: %s; set SILT_COMMAND to its path" % (args[0], error.strerror))
    for line in done.stdout.splitlines():
        bb.note(line)
    if done.returncode != 0:
        bb.fatal("silt-publish: silt ended with %d: %s" % (done.returncode, done.stdout.strip()))
}

# Tasks have no network unless they ask for it.
do_silt_publish[network] = "1"
# Published again when the image or one of these has changed; where things lie on this machine does not count.
do_silt_publish[vardeps] += "SILT_REPO SILT_PRODUCT SILT_VERSION SILT_IMAGES SILT_CHANNEL SILT_BASES SILT_OPTIONS"
do_silt_publish[vardepsexclude] += "DEPLOY_DIR_IMAGE BB_ORIGENV TMPDIR"
silt_publish_arguments[vardepsexclude] += "DEPLOY_DIR_IMAGE SILT_KEYS SILT_COMMAND"
silt_publish_environment[vardepsexclude] += "BB_ORIGENV SILT_ENVIRONMENT PATH"
# One after another, whatever images are built at once; several machines are serialised by the repository.
do_silt_publish[lockfiles] += "${TMPDIR}/silt-publish.lock"
# After do_image_complete, whose shared state puts the image into DEPLOY_DIR_IMAGE, and so also where it came from
# there without being built. Not a task of shared state itself: what it makes lies elsewhere.
addtask silt_publish after do_image_complete before do_build
