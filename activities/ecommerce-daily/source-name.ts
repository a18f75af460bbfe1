/** The sources of `ecommerce-daily`, as parameters and messages name them. */
export type SourceName = 'sales' | 'customers' | 'products' | 'clicks';
