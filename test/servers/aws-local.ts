import { startAws } from './aws.js';

/** The servers of `npm start -- --stack aws-local`, in a process of their own, which ends with the one that started it. */
try {
  const aws = await startAws({ withCloudWatch: Boolean(process.env['MILLRACE_MOTO']) });
  process.once('disconnect', () => void aws.stop().finally(() => process.exit()));
  process.send!({ connections: aws.connections });
} catch (error) {
  process.send!({ problem: error instanceof Error ? error.message : String(error) });
  process.disconnect();
}
