-- Records. A head serialises the groups of commits of one project over all hosts. A writer is the fence of one connection.
CREATE TABLE mlforge.records (
    project bigint NOT NULL, key bytea NOT NULL, version bigint NOT NULL, value bytea NOT NULL,
    PRIMARY KEY (project, key)) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE TABLE mlforge.heads (project bigint PRIMARY KEY, seq bigint NOT NULL) WITH (fillfactor = 20);
CREATE TABLE mlforge.writers (
    id bigint PRIMARY KEY, last bigint NOT NULL, broken bigint[] NOT NULL DEFAULT '{}',
    used timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 20);
