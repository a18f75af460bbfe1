locals {
  redshift_logs = ["connectionlog", "userlog"]
}

# Made here, so that they are kept as long as is said and no longer.
resource "aws_cloudwatch_log_group" "redshift" {
  for_each = toset(local.redshift_logs)

  name              = "/aws/redshift/${local.name}/${each.value}"
  retention_in_days = var.log_retention_days
}

resource "aws_redshiftserverless_namespace" "this" {
  namespace_name = local.name
  db_name        = var.database
  admin_username = "millrace_admin"

  # Redshift makes the password, keeps it in Secrets Manager and rotates it there; nobody else ever has it.
  manage_admin_password = true

  iam_roles            = [aws_iam_role.copy.arn]
  default_iam_role_arn = aws_iam_role.copy.arn
  log_exports          = local.redshift_logs

  depends_on = [aws_cloudwatch_log_group.redshift]

  lifecycle {
    # Redshift adds its own notation of the same roles.
    ignore_changes = [iam_roles]
  }
}

resource "aws_redshiftserverless_workgroup" "this" {
  workgroup_name       = local.name
  namespace_name       = aws_redshiftserverless_namespace.this.namespace_name
  base_capacity        = var.redshift_base_rpus
  max_capacity         = max(var.redshift_base_rpus, var.redshift_max_rpus)
  subnet_ids           = var.redshift_subnet_ids
  security_group_ids   = var.redshift_security_group_ids
  publicly_accessible  = false
  enhanced_vpc_routing = false

  config_parameter {
    parameter_key   = "require_ssl"
    parameter_value = "true"
  }

  # No statement of a pipeline takes longer than its step.
  config_parameter {
    parameter_key   = "max_query_execution_time"
    parameter_value = "7200"
  }
}

resource "aws_redshiftserverless_usage_limit" "compute" {
  resource_arn  = aws_redshiftserverless_workgroup.this.arn
  usage_type    = "serverless-compute"
  period        = "daily"
  amount        = var.redshift_daily_rpu_hours
  breach_action = "log"
}
