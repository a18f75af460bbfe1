resource "aws_sns_topic" "alerts" {
  name = "${local.name}-alerts"
}

data "aws_iam_policy_document" "alerts" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.alert_emails)

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  functions = merge(
    { transform = { name = aws_lambda_function.transform.function_name, timeout = var.transform_timeout_seconds } },
    { for function in aws_lambda_function.arrival : "arrival" => { name = function.function_name, timeout = function.timeout } },
  )

  tables = merge([
    for pipeline, tables in var.pipelines : { for table, hours in tables : "${pipeline}/${table}" => { pipeline = pipeline, table = table, hours = hours } }
  ]...)
}

# One failed attempt is retried and tells nobody: three of them within a quarter of an hour are more than bad luck.
resource "aws_cloudwatch_metric_alarm" "function_errors" {
  for_each = local.functions

  alarm_name          = "${each.value.name}-errors"
  alarm_description   = "The function fails again and again: logs in /aws/lambda/${each.value.name}"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = each.value.name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "function_throttles" {
  for_each = local.functions

  alarm_name          = "${each.value.name}-throttles"
  alarm_description   = "Lambda has no room for the function: raise the account's concurrency, or lower FILES_AT_A_TIME"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = each.value.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "function_duration" {
  for_each = local.functions

  alarm_name          = "${each.value.name}-duration"
  alarm_description   = "An invocation took more than four fifths of the time that it may: give it more memory, or split the files"
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = { FunctionName = each.value.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.timeout * 800
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

# Over all kinds of statements, which are dimensions of their own.
resource "aws_cloudwatch_metric_alarm" "redshift_failures" {
  alarm_name          = "${local.name}-redshift-failures"
  alarm_description   = "Statements fail in Redshift: aws redshift-data list-statements --status FAILED"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]

  metric_query {
    id          = "failed"
    expression  = "SELECT SUM(QueriesFailed) FROM \"AWS/Redshift-Serverless\" WHERE Workgroup = '${aws_redshiftserverless_workgroup.this.workgroup_name}'"
    label       = "failed statements"
    period      = 900
    return_data = true
  }
}

resource "aws_cloudwatch_metric_alarm" "redshift_compute" {
  alarm_name          = "${local.name}-redshift-compute"
  alarm_description   = "Redshift has used more than ${var.redshift_daily_rpu_hours} RPU hours within a day"
  namespace           = "AWS/Redshift-Serverless"
  metric_name         = "ComputeSeconds"
  dimensions          = { Workgroup = aws_redshiftserverless_workgroup.this.workgroup_name }
  statistic           = "Sum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.redshift_daily_rpu_hours * 3600
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

# What follows is measured by the pipeline pipeline-monitoring, every quarter of an hour.

# A failure is published at the time at which its run ended: up to an hour later it still counts.
resource "aws_cloudwatch_metric_alarm" "failures" {
  for_each = var.pipelines

  alarm_name          = "${local.name}-${each.key}-failures"
  alarm_description   = "Runs of ${each.key} fail: millrace runs ${each.key} --state failed"
  namespace           = var.metric_namespace
  metric_name         = "Failures"
  dimensions          = { Pipeline = each.key }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 4
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "freshness" {
  for_each = local.tables

  alarm_name          = "${local.name}-${replace(each.key, "/", "-")}-freshness"
  alarm_description   = "${each.value.table}, which ${each.value.pipeline} publishes, is older than ${each.value.hours} hours"
  namespace           = var.metric_namespace
  metric_name         = "TableAgeSeconds"
  dimensions          = { Pipeline = each.value.pipeline, Table = each.value.table }
  statistic           = "Minimum"
  period              = 900
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.hours * 3600
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

# Whoever watches is watched here: docs/pipeline-monitoring.md. Nothing else above can rise without it.
resource "aws_cloudwatch_metric_alarm" "silence" {
  count = length(var.pipelines) > 0 ? 1 : 0

  alarm_name          = "${local.name}-silence"
  alarm_description   = "pipeline-monitoring has not run for 45 minutes: is there a worker? millrace status pipeline-monitoring"
  namespace           = var.metric_namespace
  metric_name         = "Runs"
  dimensions          = { Pipeline = "pipeline-monitoring" }
  statistic           = "Sum"
  period              = 2700
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}
