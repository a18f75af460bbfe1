import { startCustomerApi, type CustomerApi, type CustomerApiOptions } from './customer-api.js';
import { createDayLoader, type DayLoader, type DayLoaderOptions } from './day-loader.js';

export interface ServeDaysOptions extends Omit<DayLoaderOptions, 'setCustomers'> {
  api: Omit<CustomerApiOptions, 'loadDay'>;
  /** Days that are in all sources before this returns. */
  preload: readonly string[];
}

/** The customer API together with the loader that fills it and the other sources; the API stops again when a first day fails. */
export async function serveDays(options: ServeDaysOptions): Promise<DayLoader & { api: CustomerApi }> {
  const { api: apiOptions, preload, ...sources } = options;
  const api = await startCustomerApi({ ...apiOptions, loadDay: (date) => loader.loadDay(date) });
  const loader = createDayLoader({ ...sources, setCustomers: (customers) => api.setCustomers(customers) });
  try {
    for (const date of preload) await loader.loadDay(date);
  } catch (error) {
    await api.stop();
    throw error;
  }
  return { api, loadDay: (date) => loader.loadDay(date) };
}
