environment = "dev"
region      = "eu-west-1"
deletable   = true

noncurrent_days    = 7
staging_days       = 2
log_retention_days = 7

redshift_base_rpus       = 8
redshift_max_rpus        = 8
redshift_daily_rpu_hours = 8

# Of your network.
redshift_subnet_ids         = ["subnet-00000000000000001", "subnet-00000000000000002", "subnet-00000000000000003"]
redshift_security_group_ids = ["sg-00000000000000001"]
