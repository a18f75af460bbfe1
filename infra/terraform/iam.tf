# What each role may do: the same as the table in docs/s3-lambda-redshift.md, which a test compares with these documents.

data "aws_iam_policy_document" "assume_lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "transform" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.transform.arn}:*"]
  }

  statement {
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${aws_s3_bucket.this["raw"].arn}/${local.incoming_prefix}*"]
  }

  statement {
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.this["lake"].arn}/${local.staging_prefix}*"]
  }

  # So that a missing object is told from a forbidden one.
  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.this["raw"].arn, aws_s3_bucket.this["lake"].arn]
  }
}

resource "aws_iam_role" "transform" {
  name               = "${local.name}-transform"
  assume_role_policy = data.aws_iam_policy_document.assume_lambda.json
}

resource "aws_iam_role_policy" "transform" {
  name   = "transform"
  role   = aws_iam_role.transform.id
  policy = data.aws_iam_policy_document.transform.json
}

data "aws_iam_policy_document" "arrival" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.arrival.arn}:*"]
  }
}

resource "aws_iam_role" "arrival" {
  name               = "${local.name}-arrival"
  assume_role_policy = data.aws_iam_policy_document.assume_lambda.json
}

resource "aws_iam_role_policy" "arrival" {
  name   = "arrival"
  role   = aws_iam_role.arrival.id
  policy = data.aws_iam_policy_document.arrival.json
}

# Network interfaces know no finer rights than all of them, so only a function in a VPC gets them.
resource "aws_iam_role_policy_attachment" "arrival_vpc" {
  count = length(local.arrival_subnets) > 0 ? 1 : 0

  role       = aws_iam_role.arrival.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

data "aws_iam_policy_document" "assume_redshift" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "copy" {
  statement {
    actions = ["s3:GetObject"]
    resources = [
      "${aws_s3_bucket.this["lake"].arn}/${local.staging_prefix}*",
      "${aws_s3_bucket.this["lake"].arn}/${local.copy_prefix}*",
    ]
  }

  statement {
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.this["lake"].arn}/${local.export_prefix}*"]
  }

  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.this["lake"].arn]
  }
}

resource "aws_iam_role" "copy" {
  name               = "${local.name}-redshift-copy"
  assume_role_policy = data.aws_iam_policy_document.assume_redshift.json
}

resource "aws_iam_role_policy" "copy" {
  name   = "copy"
  role   = aws_iam_role.copy.id
  policy = data.aws_iam_policy_document.copy.json
}

data "aws_iam_policy_document" "assume_worker" {
  statement {
    # The second one is what EKS asks for besides.
    actions = var.worker_service == "pods.eks.amazonaws.com" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [var.worker_service]
    }
  }
}

data "aws_iam_policy_document" "worker" {
  statement {
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${aws_s3_bucket.this["raw"].arn}/${local.incoming_prefix}*"]
  }

  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.this["raw"].arn}/${local.failed_prefix}*"]
  }

  statement {
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.this["lake"].arn}/*"]
  }

  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.this["raw"].arn, aws_s3_bucket.this["lake"].arn]
  }

  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_alias.transform.arn]
  }

  statement {
    actions   = ["redshift-data:BatchExecuteStatement", "redshift-serverless:GetCredentials"]
    resources = [aws_redshiftserverless_workgroup.this.arn]
  }

  # Statements have no address: these are for those that the worker has submitted itself.
  statement {
    actions   = ["redshift-data:CancelStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "redshift-data:statement-owner-iam-userid"
      values   = ["$${aws:userid}"]
    }
  }

  # Nor have metrics.
  statement {
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [var.metric_namespace]
    }
  }
}

resource "aws_iam_role" "worker" {
  name               = "${local.name}-worker"
  assume_role_policy = data.aws_iam_policy_document.assume_worker.json
}

resource "aws_iam_policy" "worker" {
  name        = "${local.name}-worker"
  description = "All that a worker of Millrace needs in this environment"
  policy      = data.aws_iam_policy_document.worker.json
}

resource "aws_iam_role_policy_attachment" "worker" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.worker.arn
}
