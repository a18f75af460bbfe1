locals {
  transform_name = "${local.name}-transform"
  arrival_name   = "${local.name}-arrival"
  alias          = "live"

  has_arrivals    = var.arrivals != null
  arrival_subnets = local.has_arrivals ? var.arrivals.subnet_ids : []

  # The waits of the pipelines, as step ids name them: docs/lambda.md.
  arrival_rules = [
    { workflow = "s3Etl", wait = "arrival" },
    { workflow = "s3EtlModular", wait = "ingest.arrival" },
    { workflow = "s3EtlFaultTolerant", wait = "arrival" },
  ]
}

resource "aws_cloudwatch_log_group" "transform" {
  name              = "/aws/lambda/${local.transform_name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "transform" {
  function_name    = local.transform_name
  description      = "Clean rows of one arrived file"
  role             = aws_iam_role.transform.arn
  filename         = var.transform_zip
  source_code_hash = filebase64sha256(var.transform_zip)
  handler          = "index.handler"
  runtime          = "nodejs22.x"
  memory_size      = var.transform_memory_mb
  timeout          = var.transform_timeout_seconds
  publish          = true

  depends_on = [aws_cloudwatch_log_group.transform, aws_iam_role_policy.transform]

  # Later versions are deployed by scripts/deploy-lambda, which tries them before it moves the alias.
  lifecycle {
    ignore_changes = [filename, source_code_hash, description]
  }
}

resource "aws_lambda_alias" "transform" {
  name             = local.alias
  function_name    = aws_lambda_function.transform.function_name
  function_version = aws_lambda_function.transform.version

  lifecycle {
    ignore_changes = [function_version]
  }
}

resource "aws_cloudwatch_log_group" "arrival" {
  name              = "/aws/lambda/${local.arrival_name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "arrival" {
  count = local.has_arrivals ? 1 : 0

  function_name    = local.arrival_name
  description      = "Tells waiting runs that a file has arrived"
  role             = aws_iam_role.arrival.arn
  filename         = var.arrivals.zip
  source_code_hash = filebase64sha256(var.arrivals.zip)
  handler          = "index.handler"
  runtime          = "nodejs22.x"
  memory_size      = 1024
  timeout          = 30
  publish          = true

  environment {
    variables = {
      TEMPORAL_ADDRESS   = var.arrivals.temporal_address
      TEMPORAL_NAMESPACE = var.arrivals.temporal_namespace
      MILLRACE_ARRIVALS = jsonencode([
        for rule in local.arrival_rules : merge(rule, { bucket = local.buckets.raw, pattern = "${local.incoming_prefix}data_*.csv" })
      ])
    }
  }

  dynamic "vpc_config" {
    for_each = length(local.arrival_subnets) > 0 ? [var.arrivals] : []

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [aws_cloudwatch_log_group.arrival, aws_iam_role_policy.arrival]

  # TEMPORAL_API_KEY is set by scripts/deploy-lambda --env: it would stand in Terraform's state.
  lifecycle {
    ignore_changes = [filename, source_code_hash, description, environment]
  }
}

resource "aws_lambda_alias" "arrival" {
  count = local.has_arrivals ? 1 : 0

  name             = local.alias
  function_name    = aws_lambda_function.arrival[0].function_name
  function_version = aws_lambda_function.arrival[0].version

  lifecycle {
    ignore_changes = [function_version]
  }
}

resource "aws_cloudwatch_event_rule" "arrival" {
  count = local.has_arrivals ? 1 : 0

  name        = local.arrival_name
  description = "A file was put under ${local.incoming_prefix}"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.buckets.raw] }
      object = { key = [{ prefix = local.incoming_prefix }] }
    }
  })
}

# An event that is lost costs a minute: the sensor looks all the same.
resource "aws_cloudwatch_event_target" "arrival" {
  count = local.has_arrivals ? 1 : 0

  rule = aws_cloudwatch_event_rule.arrival[0].name
  arn  = aws_lambda_alias.arrival[0].arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 8
  }
}

resource "aws_lambda_permission" "arrival" {
  count = local.has_arrivals ? 1 : 0

  statement_id  = "eventbridge"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.arrival[0].function_name
  qualifier     = aws_lambda_alias.arrival[0].name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.arrival[0].arn
}
