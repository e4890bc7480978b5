/**
 * The AWS settings of a test process: the SDK's own chain is what users have, so tests go through it, but find
 * nothing of the machine's own.
 *
 * @module
 */

/** What {@link clearAwsEnvironment} leaves, and these. */
export const TEST_CREDENTIALS = { accessKeyId: 'silt-test', secretAccessKey: 'silt-test-secret' } as const;

/** Takes every AWS setting away, for this process alone. */
export function clearAwsEnvironment(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  process.env.AWS_EC2_METADATA_DISABLED = 'true';
  process.env.AWS_CONFIG_FILE = '/nonexistent';
  process.env.AWS_SHARED_CREDENTIALS_FILE = '/nonexistent';
}

/** Sets region and credentials of the test server, for this process alone. */
export function setAwsEnvironment(): void {
  clearAwsEnvironment();
  process.env.AWS_REGION = 'us-east-1';
  process.env.AWS_ACCESS_KEY_ID = TEST_CREDENTIALS.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = TEST_CREDENTIALS.secretAccessKey;
}
