# terraform test -var-file dev.tfvars: plans everything with a provider that only pretends. It needs a transform.zip, of whatever content.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

run "without_arrivals" {
  command = plan

  assert {
    condition     = output.connections.MILLRACE_CONN_INCOMING == "s3://millrace-${var.environment}-raw-123456789012?region=${var.region}&versioned=true"
    error_message = "the raw bucket is another one than the connection says"
  }

  assert {
    condition     = length(aws_lambda_function.arrival) == 0 && length(aws_cloudwatch_metric_alarm.function_errors) == 1
    error_message = "there is an arrival function that nobody has asked for"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.freshness) == length(flatten([for tables in values(var.pipelines) : keys(tables)]))
    error_message = "not every published table has an alarm"
  }
}

run "with_arrivals_in_a_network" {
  command = plan

  variables {
    arrivals = { zip = "transform.zip", temporal_address = "temporal.example.com:7233", temporal_namespace = "default", subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = [for rule in jsondecode(aws_lambda_function.arrival[0].environment[0].variables.MILLRACE_ARRIVALS) : rule.wait] == ["arrival", "ingest.arrival", "arrival"]
    error_message = "the arrival function tells other waits than those of the pipelines"
  }

  assert {
    condition     = length(aws_iam_role_policy_attachment.arrival_vpc) == 1 && length(aws_cloudwatch_metric_alarm.function_errors) == 2
    error_message = "the arrival function lacks its network or its alarms"
  }
}

run "refuses_what_would_lose_files" {
  command = plan

  variables {
    incoming_days   = 3
    noncurrent_days = 1
    staging_days    = 0
  }

  expect_failures = [var.incoming_days, var.noncurrent_days, var.staging_days]
}
