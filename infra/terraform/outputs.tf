output "connections" {
  description = "Environment of the worker. Nothing of it is secret: the worker's role is the login."
  value = {
    MILLRACE_CONN_INCOMING  = "s3://${local.buckets.raw}?region=${var.region}&versioned=true"
    MILLRACE_CONN_LAKE      = "s3://${local.buckets.lake}?region=${var.region}"
    MILLRACE_CONN_TRANSFORM = "lambda://${var.region}/${aws_lambda_function.transform.function_name}?qualifier=${aws_lambda_alias.transform.name}&timeout=${var.transform_timeout_seconds}"
    MILLRACE_CONN_WAREHOUSE = "redshift-data://${var.region}/${var.database}?workgroup=${aws_redshiftserverless_workgroup.this.workgroup_name}&iam-role=${aws_iam_role.copy.arn}&staging=s3://${local.buckets.lake}/${trimsuffix(local.copy_prefix, "/")}"
    MILLRACE_CONN_METRICS   = "cloudwatch://${var.region}/${var.metric_namespace}"
  }
}

output "worker_role_arn" {
  description = "Role for the worker's task, instance or pod."
  value       = aws_iam_role.worker.arn
}

output "worker_policy_arn" {
  description = "The same rights, for a role of your own."
  value       = aws_iam_policy.worker.arn
}

output "function_roles" {
  description = "For --role of scripts/deploy-lambda."
  value       = { transform = aws_iam_role.transform.arn, arrival = aws_iam_role.arrival.arn }
}

output "admin_secret_arn" {
  description = "Secret with the login of Redshift's administrator, for grants. Workers do not use it."
  value       = aws_redshiftserverless_namespace.this.admin_password_secret_arn
}

output "alerts_topic_arn" {
  description = "Topic of all alarms, for subscriptions beside mail."
  value       = aws_sns_topic.alerts.arn
}

output "dashboard" {
  description = "Name of the dashboard in CloudWatch."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
