/** `ecommerceDaily` → `ecommerce-daily`. Alone in its file: whoever needs only this need not load a calendar into every run. */
export function pipelineName(workflowType: string): string {
  return workflowType.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}
