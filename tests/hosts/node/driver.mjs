// DuckDB in Node, driven by lines of JSON: a request a line on standard input, its answer on standard output.
//
//   {"open": id, "database", "config", "folder"}   a database with its first connection, in this folder
//   {"cursor": id, "of": id}                       another connection to the same database
//   {"run": id, "sql"}                             {"rows": [["text", null]]}
//   {"close": id}                                  the connection, and the database with its last one
//
// An error is {"error": message}. Values come back to DuckDB as parameters, so their text is its own.

import { DuckDBInstance } from "@duckdb/node-api";
import { createInterface } from "node:readline";

const connections = new Map();
const writer = await (await DuckDBInstance.create(":memory:")).connect();
await writer.run("SET TimeZone = 'UTC'");

const verbs = {
  async open({ open: id, database, config, folder }) {
    process.chdir(folder);
    const instance = await DuckDBInstance.create(database, config);
    connections.set(id, { instance, connection: await instance.connect() });
  },

  async cursor({ cursor: id, of }) {
    const { instance } = connections.get(of);
    connections.set(id, { instance, connection: await instance.connect() });
  },

  async run({ run: id, sql }) {
    const result = await connections.get(id).connection.run(sql);
    const types = result.columnTypes();
    const rows = await result.getRows();
    return { rows: await Promise.all(rows.map((row) => texts(row, types))) };
  },

  async close({ close: id }) {
    const { instance, connection } = connections.get(id);
    connections.delete(id);
    connection.closeSync();
    if (![...connections.values()].some((other) => other.instance === instance)) instance.closeSync();
  },
};

async function texts(row, types) {
  for (const type of types) {
    if (/STRUCT\("" /.test(type)) throw new Error(`Node loses the values of ${type}: cast it to VARCHAR in the query`);
  }
  const casts = row.map((_, i) => `CAST($${i + 1} AS VARCHAR)`);
  const result = await writer.run(`SELECT ${casts.join(", ")}`, row, types);
  return (await result.getRows())[0];
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = (await verbs[Object.keys(request)[0]](request)) ?? {};
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
