# The worker of every pipeline: docker build -t millrace .
# Settings come from the environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, MILLRACE_CONN_<NAME> (see docker-compose.yml).

FROM node:22.23.2-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY activities activities
COPY lambda lambda
COPY scripts scripts
COPY src src
COPY workers workers
COPY workflows workflows
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json
# Bundled here, workers start seconds earlier, and need not write where their code is.
RUN node --input-type=module -e "await (await import('./dist/workers/bundle.js')).workflowBundle('dist/bundles')"
RUN npm prune --omit=dev --no-audit --no-fund

FROM node:22.23.2-slim
# For TLS to Temporal: its client uses the system's certificates, not Node's.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
# Scratch files; everything else stays as it was built.
RUN mkdir .millrace && chown node:node .millrace
USER node
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["node", "dist/scripts/worker-health.js"]
CMD ["node", "dist/workers/main.js"]
