/** Schema 1. The comments are part of the statements, so that `.schema` in the sqlite3 shell explains the tables. */
import type { Migration } from './migration.ts'

const statements = `
CREATE TABLE workloads (
  -- The input of runs: reference streams of one or several processes, and what was counted when they were stored.
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,                    -- importer or generator with its parameters, file name, command line
  created_at TEXT NOT NULL,                -- UTC, ISO 8601
  complete INTEGER NOT NULL DEFAULT 0,     -- 0 while it is being stored; what is left at 0 is removed at the next start
  events_per_reference REAL NOT NULL,      -- raw events that one stored reference stands for
  process_count INTEGER NOT NULL DEFAULT 0,
  reference_count INTEGER NOT NULL DEFAULT 0,
  footprint INTEGER NOT NULL DEFAULT 0,    -- distinct pages of all processes
  pages_written INTEGER NOT NULL DEFAULT 0,-- of them, pages written at least once
  reads INTEGER NOT NULL DEFAULT 0,        -- references by kind
  writes INTEGER NOT NULL DEFAULT 0,
  fetches INTEGER NOT NULL DEFAULT 0,
  stored_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE workload_processes (
  -- One process of a workload. Dense page numbers 0..page_count-1 are in order of first reference.
  workload_id INTEGER NOT NULL REFERENCES workloads ON DELETE CASCADE,
  process INTEGER NOT NULL,
  name TEXT NOT NULL,
  page_count INTEGER NOT NULL,
  reference_count INTEGER NOT NULL,
  page_numbers_bytes INTEGER NOT NULL,     -- length before compression
  page_numbers BLOB NOT NULL,              -- virtual page number of each dense page: column codec (f64), then zstd
  page_use_bytes INTEGER NOT NULL,
  page_use BLOB NOT NULL,                  -- bits of each dense page, 1 read, 2 written, 4 fetched: column codec (u8), zstd
  PRIMARY KEY (workload_id, process)
) STRICT;

CREATE TABLE stream_chunks (
  -- A piece of a process's references, as the stream file format encodes it.
  workload_id INTEGER NOT NULL REFERENCES workloads ON DELETE CASCADE,
  process INTEGER NOT NULL,
  chunk INTEGER NOT NULL,                  -- 0, 1, 2 ...
  reference_count INTEGER NOT NULL,
  data BLOB NOT NULL,                      -- a byte with the width of a reference, then the references, zstd
  PRIMARY KEY (workload_id, process, chunk)
) STRICT;

CREATE TABLE experiments (
  -- Experiment files kept in the workspace.
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  file TEXT NOT NULL                       -- JSON, docs/experiment.schema.json
) STRICT;

CREATE TABLE images (
  -- Raw disk images that experiments name. The files themselves stay where they are.
  name TEXT PRIMARY KEY,
  path TEXT NOT NULL,                      -- relative to the workspace if it lies in it
  added_at TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
  -- One execution of an experiment.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  experiment_name TEXT NOT NULL,
  experiment TEXT NOT NULL,                -- JSON, defaults filled in
  seed INTEGER NOT NULL,
  engine_version TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN
    ('running', 'paused', 'finished', 'stopped', 'failed', 'kernel-panic', 'livelock', 'interrupted')),
  problem TEXT,                            -- why it failed or panicked
  replay_of INTEGER REFERENCES runs ON DELETE SET NULL,
  same_configuration INTEGER NOT NULL,     -- of a replay: 1 if the configuration is that of the run it replays
  recorded INTEGER NOT NULL,               -- 1 if events were recorded
  started_at TEXT NOT NULL,
  ended_at TEXT,
  wall_seconds REAL NOT NULL DEFAULT 0,
  frames INTEGER NOT NULL,                 -- page frames of 4096 bytes
  ns_per_reference REAL NOT NULL,
  footprint INTEGER NOT NULL,              -- distinct pages of all processes
  references_total INTEGER NOT NULL,       -- references that the workloads hold
  bucket_ns INTEGER NOT NULL,              -- virtual time of a base sample
  sample_columns TEXT NOT NULL,            -- JSON: names of the metrics in its samples, in order
  end_time_ns INTEGER NOT NULL DEFAULT 0,  -- virtual time reached
  thresholds TEXT NOT NULL,                -- JSON: the page daemon's thresholds in pages
  totals TEXT NOT NULL,                    -- JSON: the counters at the end, or when last saved
  trace_digest TEXT NOT NULL DEFAULT '',   -- SHA-256 of the trace, hex
  stored_bytes INTEGER NOT NULL DEFAULT 0  -- bytes of its samples, events and keyframes
) STRICT;
CREATE INDEX runs_by_replay ON runs (replay_of);

CREATE TABLE run_workloads (
  -- What each process of a run did. The name stays when the workload is removed.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  process INTEGER NOT NULL,
  workload_id INTEGER REFERENCES workloads ON DELETE SET NULL,
  workload_name TEXT NOT NULL,
  PRIMARY KEY (run_id, process)
) STRICT;
CREATE INDEX run_workloads_by_workload ON run_workloads (workload_id);

CREATE TABLE run_devices (
  -- Swap devices of a run, and what the image under each was when the run began.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  device INTEGER NOT NULL,
  name TEXT NOT NULL,
  image TEXT NOT NULL,
  pages INTEGER NOT NULL,
  timing TEXT NOT NULL,
  base_digest TEXT NOT NULL,
  PRIMARY KEY (run_id, device)
) STRICT;

CREATE TABLE interventions (
  -- What was done to the running machine.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  number INTEGER NOT NULL,
  at_reference INTEGER NOT NULL,           -- ordinal of the reference before which it happens
  action TEXT NOT NULL,
  detail TEXT NOT NULL,                    -- JSON: the whole intervention
  PRIMARY KEY (run_id, number)
) STRICT;

CREATE TABLE messages (
  -- Console messages of a run.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  number INTEGER NOT NULL,
  time_ns INTEGER NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
  routine TEXT NOT NULL,                   -- the kernel's routine
  text TEXT NOT NULL,
  PRIMARY KEY (run_id, number)
) STRICT;

CREATE TABLE sample_chunks (
  -- Samples: level 0 has a row for each bucket of virtual time in which something happened, level k aggregates 4^k
  -- buckets (sum, min, max, last). The unfinished end of a level is missing and follows from the level below it.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  level INTEGER NOT NULL,
  first_bucket INTEGER NOT NULL,           -- first base bucket
  end_bucket INTEGER NOT NULL,             -- base bucket after the last one covered
  row_count INTEGER NOT NULL,
  data BLOB NOT NULL,                      -- packed columns
  PRIMARY KEY (run_id, level, first_bucket)
) STRICT;

CREATE TABLE trace_chunks (
  -- Events of a run, 65536 to a chunk. Each column is encoded by the column codec (kind plainly, the others grouped by kind)
  -- and compressed by itself; NAME_bytes is its length before zstd, and a column whose stored length equals that is not
  -- compressed.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  chunk INTEGER NOT NULL,
  first_event INTEGER NOT NULL,
  event_count INTEGER NOT NULL,
  begin_ns INTEGER NOT NULL,               -- virtual time of the first and of the last event
  end_ns INTEGER NOT NULL,
  complete INTEGER NOT NULL,               -- 0: the open end of a running run, replaced when it has grown
  kind_counts TEXT NOT NULL,               -- JSON: events by kind
  time_bytes INTEGER NOT NULL, time BLOB NOT NULL,
  kind_bytes INTEGER NOT NULL, kind BLOB NOT NULL,
  process_bytes INTEGER NOT NULL, process BLOB NOT NULL,
  object_bytes INTEGER NOT NULL, object BLOB NOT NULL,
  page_bytes INTEGER NOT NULL, page BLOB NOT NULL,
  pages_bytes INTEGER NOT NULL, pages BLOB NOT NULL,
  device_bytes INTEGER NOT NULL, device BLOB NOT NULL,
  block_bytes INTEGER NOT NULL, block BLOB NOT NULL,
  duration_bytes INTEGER NOT NULL, duration BLOB NOT NULL,
  detail_bytes INTEGER NOT NULL, detail BLOB NOT NULL,
  PRIMARY KEY (run_id, chunk)
) STRICT;

CREATE TABLE keyframes (
  -- The engine's whole state at moments of a run.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  reference INTEGER NOT NULL,              -- ordinal of the next reference
  time_ns INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL,
  data BLOB NOT NULL,                      -- zstd
  PRIMARY KEY (run_id, reference)
) STRICT;

CREATE TABLE reports (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  format TEXT NOT NULL,
  media_type TEXT NOT NULL,
  created_at TEXT NOT NULL,
  content TEXT NOT NULL
) STRICT;

CREATE TABLE report_runs (
  -- The runs that a report is about, in its order. They may have been removed since.
  report_id INTEGER NOT NULL REFERENCES reports ON DELETE CASCADE,
  position INTEGER NOT NULL,
  run_id INTEGER NOT NULL,
  PRIMARY KEY (report_id, position)
) STRICT;

CREATE VIEW run_totals AS
  -- The totals of every run as columns, for people with a shell.
  SELECT id, name, status, started_at, frames,
    end_time_ns / 1e9 AS virtual_seconds, wall_seconds,
    json_extract(totals, '$.references') AS reference_count,
    json_extract(totals, '$.faults') AS faults,
    json_extract(totals, '$.zeroFills') AS zero_fills,
    json_extract(totals, '$.copyOnWriteFaults') AS copy_on_write_faults,
    json_extract(totals, '$.swapins') AS swapins,
    json_extract(totals, '$.pagesIn') AS pages_in,
    json_extract(totals, '$.swapouts') AS swapouts,
    json_extract(totals, '$.pagesOut') AS pages_out,
    json_extract(totals, '$.vnodeins') AS vnodeins,
    json_extract(totals, '$.vnodeouts') AS vnodeouts,
    json_extract(totals, '$.bytesVerified') AS bytes_verified,
    json_extract(totals, '$.events') AS events,
    trace_digest
  FROM runs;

CREATE VIEW run_event_counts AS
  -- Events of every run by kind.
  SELECT trace_chunks.run_id, counts.key AS kind, sum(counts.value) AS events
  FROM trace_chunks, json_each(trace_chunks.kind_counts) AS counts
  GROUP BY trace_chunks.run_id, counts.key;
`

export const initial: Migration = {
  version: 1,
  name: 'the first schema',
  up: (sqlite) => {
    sqlite.exec(statements)
  },
}
