locals {
  # Title, statistic and metrics of each picture, three in a row.
  charts = [
    { title = "Runs", stat = "Sum", metrics = [for pipeline in keys(var.pipelines) : [var.metric_namespace, "Runs", "Pipeline", pipeline]] },
    { title = "Failed runs", stat = "Sum", metrics = [for pipeline in keys(var.pipelines) : [var.metric_namespace, "Failures", "Pipeline", pipeline]] },
    { title = "Seconds of a run", stat = "Maximum", metrics = [for pipeline in keys(var.pipelines) : [var.metric_namespace, "RunSeconds", "Pipeline", pipeline]] },
    { title = "Age of the tables", stat = "Maximum", metrics = [for table in values(local.tables) : [var.metric_namespace, "TableAgeSeconds", "Pipeline", table.pipeline, "Table", table.table]] },
    { title = "Invocations", stat = "Sum", metrics = [for function in values(local.functions) : ["AWS/Lambda", "Invocations", "FunctionName", function.name]] },
    { title = "Failed invocations", stat = "Sum", metrics = [for function in values(local.functions) : ["AWS/Lambda", "Errors", "FunctionName", function.name]] },
    { title = "Milliseconds of an invocation", stat = "Maximum", metrics = [for function in values(local.functions) : ["AWS/Lambda", "Duration", "FunctionName", function.name]] },
    { title = "RPUs", stat = "Maximum", metrics = [["AWS/Redshift-Serverless", "ComputeCapacity", "Workgroup", local.name]] },
    { title = "RPU seconds", stat = "Sum", metrics = [["AWS/Redshift-Serverless", "ComputeSeconds", "Workgroup", local.name]] },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = [
      for at, chart in local.charts : {
        type   = "metric"
        x      = at % 3 * 8
        y      = floor(at / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = chart.title
          region  = var.region
          view    = "timeSeries"
          period  = 900
          stat    = chart.stat
          metrics = chart.metrics
        }
      }
    ]
  })
}
