terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

locals {
  # Everything in one account and region is told apart by this: millrace-dev, millrace-prod.
  name = "${var.project}-${var.environment}"
  tags = { Project = var.project, Environment = var.environment, ManagedBy = "terraform" }

  account = data.aws_caller_identity.current.account_id

  # What lies under which prefix: docs/s3-lambda-redshift.md. The last one is the folder of files for COPY.
  incoming_prefix = "incoming/"
  failed_prefix   = "failed/"
  staging_prefix  = "staging/"
  export_prefix   = "exports/"
  copy_prefix     = "redshift/"
}
