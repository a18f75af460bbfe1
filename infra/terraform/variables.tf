variable "project" {
  description = "First part of every name. Lower case, because buckets need it."
  type        = string
  default     = "millrace"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.project))
    error_message = "project has to be 3 to 20 of a-z, 0-9 and -, and to begin with a letter."
  }
}

variable "environment" {
  description = "Second part of every name: dev, test, prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment has to be 2 to 10 of a-z and 0-9, and to begin with a letter."
  }
}

variable "region" {
  description = "Region of everything. COPY of Parquet reads no bucket of another one."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region has to look like eu-west-1."
  }
}

variable "deletable" {
  description = "Whether terraform destroy may delete buckets that are not empty and the warehouse without a last snapshot."
  type        = bool
  default     = false
}

variable "incoming_days" {
  description = "Days after which files under incoming/ are deleted, loaded or not. null keeps them for ever."
  type        = number
  default     = null

  validation {
    condition     = var.incoming_days == null ? true : var.incoming_days >= 14
    error_message = "incoming_days has to be null or at least 14: a file may wait for its run to be mended."
  }
}

variable "noncurrent_days" {
  description = "Days for which replaced and deleted versions of objects can be had back."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 7
    error_message = "noncurrent_days has to be at least 7: a run reads the version that it has sensed, also when its step is retried days later."
  }
}

variable "staging_days" {
  description = "Days after which what a run has staged is deleted, where the run has not done so itself. A failed run can be re-run for so long."
  type        = number
  default     = 7

  validation {
    condition     = var.staging_days >= 2
    error_message = "staging_days has to be at least 2."
  }
}

variable "log_retention_days" {
  description = "Days for which the logs of the functions and of Redshift are kept; one of the numbers that CloudWatch takes."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days has to be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731."
  }
}

variable "transform_zip" {
  description = "Bundle of the transform function, made by scripts/deploy-lambda. Later versions are deployed by that script."
  type        = string
  default     = "transform.zip"
}

variable "transform_memory_mb" {
  description = "Memory of the transform function, in MB; CPU comes with it."
  type        = number
  default     = 1024

  validation {
    condition     = var.transform_memory_mb >= 512 && var.transform_memory_mb <= 10240
    error_message = "transform_memory_mb has to be between 512 and 10240."
  }
}

variable "transform_timeout_seconds" {
  description = "Seconds that one file may take. Lambda allows 900."
  type        = number
  default     = 900

  validation {
    condition     = var.transform_timeout_seconds >= 60 && var.transform_timeout_seconds <= 900
    error_message = "transform_timeout_seconds has to be between 60 and 900."
  }
}

variable "arrivals" {
  description = "What the arrival function needs to end waits at once: its bundle, and Temporal's address and namespace as Temporal's own settings have them. null: the pipelines look every 60 s. Secrets do not belong here."
  type = object({
    zip                = string
    temporal_address   = string
    temporal_namespace = string
    subnet_ids         = optional(list(string), [])
    security_group_ids = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.arrivals == null ? true : can(regex("^[^:/]+:[0-9]+$", var.arrivals.temporal_address))
    error_message = "arrivals.temporal_address has to be HOST:PORT."
  }
}

variable "database" {
  description = "Name of the database in Redshift."
  type        = string
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database))
    error_message = "database has to be lower case letters, digits and _, and to begin with a letter."
  }
}

variable "redshift_base_rpus" {
  description = "Compute of the workgroup, in RPUs: 8 to 512, in steps of 8. Paid by the second while statements run."
  type        = number
  default     = 8

  validation {
    condition     = var.redshift_base_rpus >= 8 && var.redshift_base_rpus <= 512 && var.redshift_base_rpus % 8 == 0
    error_message = "redshift_base_rpus has to be between 8 and 512, in steps of 8."
  }
}

variable "redshift_max_rpus" {
  description = "What the workgroup may grow to, in RPUs."
  type        = number
  default     = 32

  validation {
    condition     = var.redshift_max_rpus >= 8 && var.redshift_max_rpus <= 512 && var.redshift_max_rpus % 8 == 0
    error_message = "redshift_max_rpus has to be between 8 and 512, in steps of 8."
  }
}

variable "redshift_daily_rpu_hours" {
  description = "RPU hours a day beyond which an alert is logged and the alarm rises."
  type        = number
  default     = 40

  validation {
    condition     = var.redshift_daily_rpu_hours > 0
    error_message = "redshift_daily_rpu_hours has to be above 0."
  }
}

variable "redshift_subnet_ids" {
  description = "Subnets of the workgroup, in three availability zones. The Data API needs no way into them."
  type        = list(string)

  validation {
    condition     = length(distinct(var.redshift_subnet_ids)) >= 3
    error_message = "redshift_subnet_ids has to name at least three subnets."
  }
}

variable "redshift_security_group_ids" {
  description = "Security groups of the workgroup. They need no rule that lets anybody in."
  type        = list(string)

  validation {
    condition     = length(var.redshift_security_group_ids) >= 1
    error_message = "redshift_security_group_ids has to name a security group."
  }
}

variable "worker_service" {
  description = "Who may take the worker's role: ecs-tasks.amazonaws.com, ec2.amazonaws.com, pods.eks.amazonaws.com."
  type        = string
  default     = "ecs-tasks.amazonaws.com"

  validation {
    condition     = contains(["ecs-tasks.amazonaws.com", "ec2.amazonaws.com", "pods.eks.amazonaws.com"], var.worker_service)
    error_message = "worker_service has to be ecs-tasks.amazonaws.com, ec2.amazonaws.com or pods.eks.amazonaws.com."
  }
}

variable "alert_emails" {
  description = "Who is told of alarms. Each address has to be confirmed once."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "alert_emails has to hold mail addresses."
  }
}

variable "metric_namespace" {
  description = "CloudWatch namespace of pipeline-monitoring: that of MILLRACE_CONN_METRICS."
  type        = string
  default     = "Millrace"

  validation {
    condition     = can(regex("^[A-Za-z0-9_./#-]{1,255}$", var.metric_namespace)) && !startswith(var.metric_namespace, "AWS/")
    error_message = "metric_namespace has to be of A-Z a-z 0-9 _ . / # - and must not begin with AWS/."
  }
}

variable "pipelines" {
  description = "Pipelines whose failures raise an alarm, each with its published tables and the age, in hours, that a table may have."
  type        = map(map(number))
  default = {
    "s3-etl" = { retail_sales = 26, retail_sales_by_country = 26 }
  }

  validation {
    condition     = alltrue(flatten([for tables in values(var.pipelines) : [for hours in values(tables) : hours > 0]]))
    error_message = "pipelines has to give every table an age above 0 hours."
  }
}
