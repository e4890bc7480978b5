/**
 * An IAM policy, as far as those of our guides go: what it lets somebody do with the objects of one repository.
 *
 * @module
 */
import type { FrontRequest } from './s3-front.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: string;
}

/** What S3 asks a policy for, by operation. */
const ACTIONS: Readonly<Record<string, string>> = {
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  CompleteMultipartUpload: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  DeleteObject: 's3:DeleteObject',
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  ListObjectsV2: 's3:ListBucket',
  ListParts: 's3:ListMultipartUploadParts',
  PutObject: 's3:PutObject',
  UploadPart: 's3:PutObject',
};

/** The action that a request needs. @throws for an operation that silt is not known to use */
export function actionOf({ operation }: Pick<FrontRequest, 'operation'>): string {
  const action = ACTIONS[operation];
  if (action === undefined) throw new Error(`which action is ${operation}?`);
  return action;
}

export interface IamPolicy {
  /** All that it allows, anywhere. */
  readonly actions: ReadonlySet<string>;
  allows(request: FrontRequest): boolean;
}

/** @param text the policy as JSON @param repository what its objects begin with there, such as `BUCKET/updates/` */
export function readIamPolicy(text: string, repository: string): IamPolicy {
  const { Statement } = JSON.parse(text) as { Statement: readonly Statement[] };
  const bucket = repository.split('/', 1)[0] ?? '';
  const isOfBucket = (action: string): boolean => action.startsWith('s3:ListBucket');
  return {
    actions: new Set(Statement.flatMap(({ Action }) => Action)),
    allows(request) {
      const action = actionOf(request);
      const wanted = `arn:aws:s3:::${isOfBucket(action) ? bucket : `${repository}${request.key}`}`;
      return Statement.some(({ Effect, Action, Resource }) => {
        const pattern = new RegExp(`^${Resource.split('*').map(escaped).join('.*')}$`);
        return Effect === 'Allow' && Action.includes(action) && pattern.test(wanted);
      });
    },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9/]/g, '\\$&');
}
