import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BatchExecuteStatementCommand,
  CancelStatementCommand,
  DescribeStatementCommand,
  type DescribeStatementResponse,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  ListStatementsCommand,
  paginateGetStatementResult,
  RedshiftDataClient,
  type SqlParameter,
} from '@aws-sdk/client-redshift-data';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { locateRedshift, startRedshift, type RedshiftStack } from '../servers/redshift.js';
import { writeParquet } from '../support/parquet-files.js';
import { describeWithServer } from '../support/with-server.js';

const LIMITS = { rowBytes: 64 * 1024, resultBytes: 200_000, rowsPerPage: 100, activeStatements: 5 };
const ENDED = ['FINISHED', 'FAILED', 'ABORTED'];
const SLOW = 'SELECT COUNT(*) FROM pg_attribute AS a, pg_attribute AS b, pg_attribute AS c';

describeWithServer('the Redshift Data API of the tests, driven by the official client', locateRedshift, () => {
  let stack: RedshiftStack;
  let client: RedshiftDataClient;
  let s3: S3Client;
  let admin: Client;
  let folder: string;
  let names = 0;

  const fresh = (): string => `t${(names += 1)}`;
  const connect = (credentials: { accessKeyId: string; secretAccessKey: string }): RedshiftDataClient =>
    new RedshiftDataClient({ region: stack.data.region, endpoint: stack.data.endpoint, credentials, maxAttempts: 3 });
  const keys = () => ({ accessKeyId: stack.s3.accessKeyId, secretAccessKey: stack.s3.secretAccessKey });
  const where = () => ({ Database: 'postgres', WorkgroupName: stack.data.workgroup });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-redshift-'));
    stack = await startRedshift({ limits: LIMITS });
    client = connect(keys());
    s3 = new S3Client(stack.s3.access(stack.bucket));
    admin = new Client({ ...stack.postgres });
    await admin.connect();
  });
  afterAll(async () => {
    client?.destroy();
    s3?.destroy();
    await admin?.end();
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const ended = async (Id: string | undefined): Promise<DescribeStatementResponse> =>
    vi.waitFor(
      async () => {
        const described = await client.send(new DescribeStatementCommand({ Id }));
        expect(ENDED).toContain(described.Status);
        return described;
      },
      { timeout: 20_000, interval: 10 },
    );
  const execute = async (Sql: string, Parameters?: SqlParameter[]): Promise<DescribeStatementResponse> =>
    ended((await client.send(new ExecuteStatementCommand({ ...where(), Sql, ...(Parameters && { Parameters }) }))).Id);
  const batch = async (...Sqls: string[]): Promise<DescribeStatementResponse> => ended((await client.send(new BatchExecuteStatementCommand({ ...where(), Sqls }))).Id);
  const rows = async (Sql: string, parameters?: SqlParameter[]): Promise<unknown[][]> => {
    const described = await execute(Sql, parameters);
    expect(described.Error).toBeUndefined();
    const { Records = [] } = await client.send(new GetStatementResultCommand({ Id: described.Id }));
    return Records.map((record) => record.map((field) => (field.isNull ? null : Object.values(field)[0])));
  };
  const errorOf = async (sql: string): Promise<string | undefined> => (await execute(sql)).Error;
  const put = async (key: string, body: string | Buffer): Promise<string> => {
    await s3.send(new PutObjectCommand({ Bucket: stack.bucket, Key: key, Body: body }));
    return `s3://${stack.bucket}/${key}`;
  };
  const text = async (key: string): Promise<string> => (await (await s3.send(new GetObjectCommand({ Bucket: stack.bucket, Key: key }))).Body?.transformToString()) ?? '';
  const role = (): string => `IAM_ROLE '${stack.data.iamRole}'`;

  test('takes a statement from SUBMITTED to FINISHED, and its result is read page by page', async () => {
    const release = stack.data.hold();
    const { Id } = await client.send(new ExecuteStatementCommand({ ...where(), Sql: 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) SELECT i FROM n ORDER BY i' }));
    expect((await client.send(new DescribeStatementCommand({ Id }))).Status).toBe('SUBMITTED');
    await expect(client.send(new GetStatementResultCommand({ Id }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    release();
    expect(await ended(Id)).toMatchObject({ Status: 'FINISHED', HasResultSet: true, ResultRows: 250 });
    const pages = [];
    for await (const page of paginateGetStatementResult({ client }, { Id })) pages.push(page.Records?.map(([field]) => field?.longValue));
    expect(pages.map((page) => page?.length)).toEqual([100, 100, 50]);
    expect(pages.flat()).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
  });

  test('answers each type by its member, and describes the columns', async () => {
    const described = await execute("SELECT TRUE AS yes, 7::bigint AS big, 1.5::double precision AS real, CAST(2.50 AS numeric(18,2)) AS money, CAST('x' AS varchar(9)) AS words, CAST(NULL AS integer) AS nothing, TIMESTAMP '2026-01-31 10:00:00.5' AS moment");
    const { Records, ColumnMetadata } = await client.send(new GetStatementResultCommand({ Id: described.Id }));
    expect(Records).toEqual([[{ booleanValue: true }, { longValue: 7 }, { doubleValue: 1.5 }, { stringValue: '2.50' }, { stringValue: 'x' }, { isNull: true }, { stringValue: '2026-01-31 10:00:00.5' }]]);
    expect(ColumnMetadata?.map(({ name, typeName }) => [name, typeName])).toEqual([['yes', 'bool'], ['big', 'int8'], ['real', 'float8'], ['money', 'numeric'], ['words', 'varchar'], ['nothing', 'int4'], ['moment', 'timestamp']]);
    expect(ColumnMetadata?.[3]).toMatchObject({ precision: 18, scale: 2 });
  });

  test('binds named parameters, and refuses those that are missing or not used', async () => {
    expect(await rows("SELECT :a || ':b' || :a, CAST(:n AS integer) + 1", [{ name: 'a', value: "it's" }, { name: 'n', value: '41' }])).toEqual([["it's:bit's", 42]]);
    await expect(execute('SELECT :a, :b', [{ name: 'a', value: '1' }])).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining('missing parameter: b') as string });
    await expect(execute('SELECT 1', [{ name: 'a', value: '1' }])).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining('unused') as string });
  });

  test('runs a batch as one transaction: when statement 2 fails, statement 1 is rolled back', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (x integer)`);
    const failed = await batch(`INSERT INTO ${table} VALUES (1)`, 'SELECT 1 / (1 - 1)', `INSERT INTO ${table} VALUES (2)`);
    expect(failed).toMatchObject({ Status: 'FAILED', Error: expect.stringMatching(/^Query #2 failed with ERROR: Divide by zero/) as string });
    expect(failed.SubStatements?.map(({ Id, Status }) => [Id, Status])).toEqual([[`${failed.Id}:1`, 'FINISHED'], [`${failed.Id}:2`, 'FAILED'], [`${failed.Id}:3`, 'ABORTED']]);
    expect(await rows(`SELECT COUNT(*) FROM ${table}`)).toEqual([[0]]);
  });

  test('gives the results of a batch by sub-statement id, and by no other', async () => {
    const done = await batch('SELECT 1 AS a', 'SELECT 2 AS b');
    expect((await client.send(new GetStatementResultCommand({ Id: `${done.Id}:2` }))).Records).toEqual([[{ longValue: 2 }]]);
    expect(await client.send(new DescribeStatementCommand({ Id: `${done.Id}:1` }))).toMatchObject({ Status: 'FINISHED', HasResultSet: true, QueryString: 'SELECT 1 AS a' });
    await expect(client.send(new GetStatementResultCommand({ Id: done.Id }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  test('runs a statement once, however often it is submitted with the same ClientToken', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (x integer)`);
    const submission = { ...where(), Sql: `INSERT INTO ${table} VALUES (1)`, ClientToken: `token ${table}` };
    const ids = await Promise.all([1, 2, 3].map(async () => (await client.send(new ExecuteStatementCommand(submission))).Id));
    expect(new Set(ids).size).toBe(1);
    await ended(ids[0]);
    expect(await rows(`SELECT COUNT(*) FROM ${table}`)).toEqual([[1]]);
  });

  test('runs a statement once when its answer was lost and the client submits it again', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (x integer)`);
    stack.data.upset('ExecuteStatement', 'lose-answer');
    expect((await execute(`INSERT INTO ${table} VALUES (1)`)).Status).toBe('FINISHED');
    expect(await rows(`SELECT COUNT(*) FROM ${table}`)).toEqual([[1]]);
  });

  test('cancels a statement in the database too', async () => {
    const running = async (): Promise<number | null> => (await admin.query("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_attribute AS c%' AND pid <> pg_backend_pid()")).rowCount;
    const { Id } = await client.send(new ExecuteStatementCommand({ ...where(), Sql: SLOW }));
    await expect.poll(running, { timeout: 20_000 }).toBe(1);
    expect((await client.send(new CancelStatementCommand({ Id }))).Status).toBe(true);
    expect((await ended(Id)).Status).toBe('ABORTED');
    await expect.poll(running, { timeout: 20_000 }).toBe(0);
    await expect(client.send(new CancelStatementCommand({ Id }))).rejects.toMatchObject({ name: 'ValidationException' });
  });

  test('keeps the limits of the service', async () => {
    expect(await errorOf(`SELECT REPEAT('x', ${LIMITS.rowBytes + 1})`)).toMatch(/packet for query is too large/);
    expect(await errorOf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT REPEAT('x', 1000) FROM n")).toMatch(/exceeded size limit/);
    await expect(execute(`SELECT '${'x'.repeat(100_000)}'`)).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining('larger than 100kB') as string });
    await expect(batch(...Array.from({ length: 41 }, () => 'SELECT 1'))).rejects.toMatchObject({ name: 'ValidationException' });
    const release = stack.data.hold();
    const submitted = await Promise.all(Array.from({ length: LIMITS.activeStatements }, () => client.send(new ExecuteStatementCommand({ ...where(), Sql: 'SELECT 1' }))));
    await expect(execute('SELECT 1')).rejects.toMatchObject({ name: 'ActiveStatementsExceededException' });
    release();
    await Promise.all(submitted.map(({ Id }) => ended(Id)));
  });

  test('throttles on demand, and the client tries again', async () => {
    stack.data.upset('ExecuteStatement', 'throttle', 1);
    expect(await rows('SELECT 1')).toEqual([[1]]);
    stack.data.upset('ExecuteStatement', 'throttle', 3);
    await expect(execute('SELECT 1')).rejects.toMatchObject({ name: 'ThrottlingException' });
  });

  test('answers 403 to a key that nobody has and to a wrong secret', async () => {
    const [{ accessKeyId }, command] = [keys(), new ListStatementsCommand({})];
    await expect(connect({ accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' }).send(command)).rejects.toMatchObject({ name: 'UnrecognizedClientException', $metadata: { httpStatusCode: 403 } });
    await expect(connect({ accessKeyId, secretAccessKey: 'wrong' }).send(command)).rejects.toMatchObject({ name: 'InvalidSignatureException', $metadata: { httpStatusCode: 403 } });
  });

  test('knows its own workgroup, cluster, database and statements only', async () => {
    const Sql = 'SELECT 1';
    await expect(client.send(new ExecuteStatementCommand({ Database: 'postgres', Sql, WorkgroupName: 'other' }))).rejects.toMatchObject({ name: 'ValidationException', message: "Redshift endpoint doesn't exist in this region." });
    await expect(client.send(new ExecuteStatementCommand({ Database: 'postgres', Sql }))).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(client.send(new DescribeStatementCommand({ Id: '00000000-0000-4000-8000-000000000000' }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    const lost = await ended((await client.send(new ExecuteStatementCommand({ Database: 'nowhere', Sql, ClusterIdentifier: stack.data.cluster }))).Id);
    expect(lost).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('database "nowhere" does not exist') as string });
  });

  test('runs as the database user of the request, with that user’s grants', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (x integer)`);
    await admin.query('CREATE ROLE reader LOGIN');
    const { Id } = await client.send(new ExecuteStatementCommand({ Database: 'postgres', ClusterIdentifier: stack.data.cluster, DbUser: 'reader', Sql: `SELECT * FROM ${table}` }));
    expect((await ended(Id)).Error).toBe(`ERROR: permission denied for table ${table}`);
  });

  test('lists statements by name and state, the newest first', async () => {
    for (const Sql of ['SELECT 1', 'SELECT nonsense']) await ended((await client.send(new ExecuteStatementCommand({ ...where(), Sql, StatementName: 'nightly' }))).Id);
    const { Statements } = await client.send(new ListStatementsCommand({ StatementName: 'night' }));
    expect(Statements?.map(({ QueryString, Status }) => [QueryString, Status])).toEqual([['SELECT nonsense', 'FAILED'], ['SELECT 1', 'FINISHED']]);
    expect((await client.send(new ListStatementsCommand({ StatementName: 'night', Status: 'FINISHED' }))).Statements).toHaveLength(1);
  });

  test('takes Redshift’s table attributes, and enforces no key', async () => {
    const table = fresh();
    expect(await errorOf(`CREATE TABLE ${table} (id bigint ENCODE az64 DISTKEY, name varchar(20) ENCODE lzo, day date SORTKEY, PRIMARY KEY (id), UNIQUE (name)) DISTSTYLE KEY`)).toBeUndefined();
    expect(await errorOf(`CREATE TABLE ${fresh()} (id bigint PRIMARY KEY, day date) DISTKEY (id) COMPOUND SORTKEY (day, id)`)).toBeUndefined();
    await batch(`INSERT INTO ${table} VALUES (1, 'a', '2026-01-01')`, `INSERT INTO ${table} VALUES (1, 'a', '2026-01-01')`);
    expect(await rows(`SELECT id, COUNT(*) FROM ${table} GROUP BY id`)).toEqual([[1, 2]]);
  });

  test('keeps 256 bytes of a text without a length, and reads a backslash as Redshift does', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (name varchar, note text)`);
    expect(await errorOf(`INSERT INTO ${table} VALUES (REPEAT('x', 257), '')`)).toMatch(/too long for type character varying\(256\)/);
    expect(await rows("SELECT LEN(CAST(REPEAT('x', 300) AS varchar)), LEN(REPEAT('x', 300)::text), 'a\\'b\\\\c', NVL(NULL, 'd'), DATEDIFF(microsecond, TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01 00:00:01.5')")).toEqual([[256, 256, "a'b\\c", 'd', 1_500_000]]);
  });

  test.each([
    'INSERT INTO known VALUES (1) ON CONFLICT DO NOTHING',
    'INSERT INTO known VALUES (1) RETURNING x',
    'SELECT DISTINCT ON (x) x FROM known',
    'SELECT COUNT(*) FILTER (WHERE x > 1) FROM known',
    'SELECT x FROM known FOR UPDATE',
    'SELECT * FROM (VALUES (1), (2)) AS v(x)',
    'WITH gone AS (DELETE FROM known) SELECT 1',
    'CREATE INDEX ON known (x)',
    'LOCK TABLE known IN SHARE MODE',
    'SELECT pg_advisory_lock(1)',
    "SELECT STRING_AGG(x, ',') FROM known",
    "SELECT E'a\\n'",
    'SELECT 1; SELECT 2',
  ])('refuses what PostgreSQL has and Redshift has not: %s', async (sql) => {
    await execute('CREATE TABLE IF NOT EXISTS known (x integer)');
    expect(await errorOf(sql)).toMatch(/^ERROR: (syntax error|cannot insert multiple commands)/);
  });

  test('commits at a TRUNCATE, so that what follows cannot undo it', async () => {
    const table = fresh();
    await batch(`CREATE TABLE ${table} (x integer)`, `INSERT INTO ${table} VALUES (1)`);
    expect((await batch(`TRUNCATE ${table}`, 'SELECT 1 / (1 - 1)')).Status).toBe('FAILED');
    expect(await rows(`SELECT COUNT(*) FROM ${table}`)).toEqual([[0]]);
  });

  test('reports writers that change the same rows as Redshift does, unless one of them locks the table first', async () => {
    const table = fresh();
    await batch(`CREATE TABLE ${table} (x integer)`, `INSERT INTO ${table} VALUES (0)`);
    await admin.query(`BEGIN; LOCK TABLE ${table} IN ROW EXCLUSIVE MODE; UPDATE ${table} SET x = x + 1`);
    const waiting = async (count: number): Promise<void> => expect.poll(async () => (await admin.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount, { timeout: 20_000 }).toBe(count);
    const plain = batch(`SELECT * FROM ${table}`, `UPDATE ${table} SET x = x + 1`);
    await waiting(1);
    const locked = batch(`LOCK TABLE ${table}`, `UPDATE ${table} SET x = x + 10`);
    await waiting(2);
    await admin.query('COMMIT');
    expect(await plain).toMatchObject({ Status: 'FAILED', Error: expect.stringContaining('1023 Serializable isolation violation') as string });
    expect((await locked).Status).toBe('FINISHED');
    expect(await rows(`SELECT x FROM ${table}`)).toEqual([[11]]);
  });

  test('COPY with a manifest loads its objects and no stray one beside them', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (id bigint, name varchar(20))`);
    const [first, second] = [await put('copy/a.csv', '1,a\n2,"b, c"\n'), await put('copy/b.csv', '3,c\n')];
    await put('copy/a.csv.stray', '9,stray\n');
    const manifest = await put('copy/good.manifest', JSON.stringify({ entries: [first, second].map((url) => ({ url, mandatory: true })) }));
    expect((await execute(`COPY ${table} FROM '${manifest}' ${role()} MANIFEST FORMAT AS CSV`)).Error).toBeUndefined();
    expect(await rows(`SELECT id, name FROM ${table} ORDER BY id`)).toEqual([[1, 'a'], [2, 'b, c'], [3, 'c']]);
    expect((await execute(`COPY ${table} FROM 's3://${stack.bucket}/copy/a.csv' ${role()} CSV`)).Error).toBeUndefined();
    expect(await rows(`SELECT COUNT(*) FROM ${table} WHERE name = 'stray'`)).toEqual([[1]]);
  });

  test('COPY fails when a mandatory object is missing, and passes over one that is not mandatory', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (id bigint)`);
    const url = await put('missing/a.csv', '1\n');
    const entries = (mandatory: boolean): string => JSON.stringify({ entries: [{ url, mandatory: true }, { url: `s3://${stack.bucket}/missing/gone.csv`, mandatory }] });
    const copy = async (manifest: string): Promise<string | undefined> => errorOf(`COPY ${table} FROM '${manifest}' ${role()} MANIFEST FORMAT CSV`);
    expect(await copy(await put('missing/strict.manifest', entries(true)))).toMatch(/specified key does not exist.*gone\.csv/);
    expect(await rows(`SELECT COUNT(*) FROM ${table}`)).toEqual([[0]]);
    expect(await copy(await put('missing/loose.manifest', entries(false)))).toBeUndefined();
    expect(await copy(`s3://${stack.bucket}/missing/no.manifest`)).toMatch(/Problem reading manifest file/);
  });

  test('COPY of Parquet takes columns in their order, asks for their lengths, and for each one’s own type', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (id bigint, price numeric(18,2), name varchar(6))`);
    const copy = async (select: string, meta = true): Promise<string | undefined> => {
      const file = await readFile(await writeParquet(folder, `${fresh()}.parquet`, select));
      const url = await put(`parquet/${fresh()}.parquet`, file);
      const manifest = await put(`parquet/${fresh()}.manifest`, JSON.stringify({ entries: [{ url, mandatory: true, ...(meta && { meta: { content_length: file.length } }) }] }));
      return errorOf(`COPY ${table} FROM '${manifest}' ${role()} MANIFEST FORMAT AS PARQUET`);
    };
    const good = "SELECT 1::BIGINT AS a, 2.5::DECIMAL(18,2) AS b, 'é, \"x' AS c UNION ALL SELECT 2, NULL, ''";
    expect(await copy(good)).toBeUndefined();
    expect(await rows(`SELECT id, price, name FROM ${table} ORDER BY id`)).toEqual([[1, '2.50', 'é, "x'], [2, null, '']]);
    expect(await copy(good, false)).toMatch(/content length/);
    expect(await copy("SELECT 1::INTEGER AS id, 2.5::DECIMAL(18,2) AS price, 'x' AS name")).toMatch(/incompatible Parquet schema for column .*\.id/);
    expect(await copy('SELECT 1::BIGINT AS id')).toMatch(/Number of columns/);
    expect(await copy("SELECT 1::BIGINT AS id, 2.5::DECIMAL(18,2) AS price, 'éééé' AS name")).toMatch(/longer than the length defined in the table. Table: 6, Data: 8/);
    expect(await errorOf(`COPY ${table} FROM 's3://x/y' ${role()} FORMAT PARQUET MAXERROR 5`)).toMatch(/MAXERROR argument is not supported/);
  });

  test('COPY of CSV rejects rows with file, line, column and reason, and fails at MAXERROR', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (id bigint NOT NULL, price numeric(6,2), name varchar(5), day date)`);
    const uri = await put('bad/rows.csv', 'id,price,name,day\n1,2.50,good,2026-01-01\nx,1,a,2026-01-01\n3,12345,b,2026-01-01\n4,1,too long,2026-01-01\n5,1,c,31.01.2026\n6,1,d\n,1,e,2026-01-01\n8,,,\n');
    const copy = (maxErrors: number): Promise<DescribeStatementResponse> => execute(`COPY ${table} FROM '${uri}' ${role()} CSV IGNOREHEADER 1 MAXERROR ${maxErrors}`);
    const failed = await copy(6);
    expect(failed.Error).toMatch(/Load into table 't\d+' failed\. {2}Check 'sys_load_error_detail'/);
    const loaded = await copy(7);
    expect(loaded.Error).toBeUndefined();
    expect(await rows(`SELECT id, name FROM ${table} ORDER BY id`)).toEqual([[1, 'good'], [8, '']]);
    expect(await rows(`SELECT line_number, column_name, error_code, error_message FROM sys_load_error_detail WHERE query_id = ${loaded.RedshiftQueryId} AND file_name = '${uri}' ORDER BY line_number`)).toEqual([
      [3, 'id', 1207, "Invalid digit, Value 'x', Pos 0, Type: Long"],
      [4, 'price', 1207, 'Overflow for NUMERIC'],
      [5, 'name', 1204, 'String length exceeds DDL length'],
      [6, 'day', 1205, 'Invalid Date Format - length must be 10 or more'],
      [7, '', 1201, 'Delimiter not found'],
      [8, 'id', 1213, 'Missing data for not-null field'],
    ]);
    expect(await rows(`SELECT err_reason, raw_field_value FROM stl_load_errors WHERE query = ${loaded.RedshiftQueryId} AND line_number = 5`)).toEqual([['String length exceeds DDL length', 'too long']]);
  });

  test('COPY and UNLOAD take the role that the cluster has, and no other', async () => {
    const table = fresh();
    await execute(`CREATE TABLE ${table} (id bigint)`);
    expect(await errorOf(`COPY ${table} FROM 's3://${stack.bucket}/x' IAM_ROLE 'arn:aws:iam::1:role/other' CSV`)).toMatch(/not authorized to assume IAM Role arn:aws:iam::1:role\/other/);
    expect(await errorOf(`COPY ${table} FROM 's3://${stack.bucket}/x' CSV`)).toMatch(/CREDENTIALS argument is required/);
  });

  test('UNLOAD writes Parquet and a manifest that COPY takes back unchanged', async () => {
    const [table, copied] = [fresh(), fresh()];
    const columns = '(id bigint, price numeric(18,6), name varchar(40), moment timestamp, yes boolean)';
    await batch(`CREATE TABLE ${table} ${columns}`, `CREATE TABLE ${copied} ${columns}`, `INSERT INTO ${table} VALUES (1, 0.1, 'it''s "x", y', '2026-01-31 10:00:00.123456', TRUE), (9007199254740993, NULL, '', NULL, FALSE), (3, 1, NULL, NULL, NULL)`);
    const unload = `UNLOAD ('SELECT * FROM ${table} WHERE name <> ''z'' OR name IS NULL') TO 's3://${stack.bucket}/out/day_' ${role()} FORMAT AS PARQUET MANIFEST VERBOSE`;
    const done = await batch(unload, 'SELECT PG_LAST_UNLOAD_COUNT()');
    expect(done.Error).toBeUndefined();
    expect((await client.send(new GetStatementResultCommand({ Id: `${done.Id}:2` }))).Records).toEqual([[{ longValue: 3 }]]);
    expect(JSON.parse(await text('out/day_manifest'))).toMatchObject({ entries: [{ url: `s3://${stack.bucket}/out/day_0000_part_00.parquet`, meta: { record_count: 3 } }], meta: { record_count: 3 } });
    expect(await errorOf(unload)).toMatch(/destination on S3 is not empty/);
    expect(await errorOf(`${unload} ALLOWOVERWRITE`)).toBeUndefined();
    expect(await errorOf(`COPY ${copied} FROM 's3://${stack.bucket}/out/day_manifest' ${role()} MANIFEST FORMAT PARQUET`)).toBeUndefined();
    expect(await rows(`SELECT COUNT(*) FROM (SELECT * FROM ${table} EXCEPT SELECT * FROM ${copied}) AS lost`)).toEqual([[0]]);
    expect(await rows(`SELECT COUNT(*), COUNT(name) FROM ${copied}`)).toEqual([[3, 2]]);
  });
});
