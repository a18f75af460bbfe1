environment = "prod"
region      = "eu-west-1"

incoming_days      = 400
noncurrent_days    = 30
staging_days       = 7
log_retention_days = 90

redshift_base_rpus       = 16
redshift_max_rpus        = 64
redshift_daily_rpu_hours = 80

# Of your network.
redshift_subnet_ids         = ["subnet-00000000000000001", "subnet-00000000000000002", "subnet-00000000000000003"]
redshift_security_group_ids = ["sg-00000000000000001"]

alert_emails = ["data-team@example.com"]

pipelines = {
  "s3-etl"        = { retail_sales = 26, retail_sales_by_country = 26 }
  ecommerce-daily = { orders = 26 }
}
