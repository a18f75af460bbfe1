import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PASSWORD = 'of-a-test-only';

/** A certificate for 127.0.0.1 that only itself vouches for, made by Java's keytool: the broker's settings, and what clients may trust. */
export async function selfSignedCertificate(java: string, folder: string): Promise<{ settings: (listener: string) => string[]; pemFile: string }> {
  const keytool = join(dirname(realpathSync(java)), 'keytool');
  const [store, pemFile] = [join(folder, 'broker.p12'), join(folder, 'broker.pem')];
  const storeOptions = ['-alias', 'broker', '-keystore', store, '-storetype', 'PKCS12', '-storepass', PASSWORD];
  await run(keytool, ['-genkeypair', '-keyalg', 'RSA', '-keysize', '2048', '-validity', '3650', '-dname', 'CN=127.0.0.1', '-ext', 'san=ip:127.0.0.1', ...storeOptions]);
  await run(keytool, ['-exportcert', '-rfc', '-file', pemFile, ...storeOptions]);
  return {
    pemFile,
    settings: (listener) => {
      const prefix = `listener.name.${listener}.ssl`;
      return [`${prefix}.keystore.location=${store}`, `${prefix}.keystore.type=PKCS12`, `${prefix}.keystore.password=${PASSWORD}`, `${prefix}.key.password=${PASSWORD}`];
    },
  };
}
