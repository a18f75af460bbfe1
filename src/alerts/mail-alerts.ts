import type { AlertSink } from './alert.js';
import type { Mailer } from './mail.js';
import { mailId, renderMail } from './render-mail.js';

/** Alerts as mails; those of one run are one thread. */
export function createMailAlerts(mailer: Mailer): AlertSink {
  return {
    description: mailer.description,
    async deliver(alert, signal) {
      const options = { messageId: mailId(alert.id), thread: mailId(`run.${alert.run.runId}`), ...(signal === undefined ? {} : { signal }) };
      const { rejected } = await mailer.send(renderMail(alert), options);
      return rejected.length === 0 ? undefined : `the mail server refused some recipients: ${rejected.join(', ')}`;
    },
    check: () => mailer.check(),
    close: () => mailer.close(),
  };
}
