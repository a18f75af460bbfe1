/**
 * Imported first by every program of ours: the AWS SDK's notice about Node versions of next year is for us, not for the
 * people who read a pipeline's output.
 */
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
