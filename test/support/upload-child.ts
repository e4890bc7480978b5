/**
 * A process of its own that puts a file into S3: `node upload-child.ts TASK`, where TASK is JSON. It kills itself
 * with SIGKILL once so many parts have been taken.
 *
 * @module
 */
import { openS3Store } from '../../src/store/s3.ts';

interface UploadTask {
  readonly endpoint: string;
  readonly key: string;
  readonly path: string;
  readonly size: number;
  readonly killAfterParts: number;
}

const task = JSON.parse(process.argv[2] ?? '') as UploadTask;
let parts = 0;
const store = openS3Store({
  bucket: 'bucket',
  endpoint: task.endpoint,
  forcePathStyle: true,
  onRequest: ({ method, status }) => {
    if (method === 'UploadPart' && status === 200) parts += 1;
    if (parts === task.killAfterParts) process.kill(process.pid, 'SIGKILL');
  },
});
await store.putIfAbsent(task.key, { path: task.path, size: task.size });
