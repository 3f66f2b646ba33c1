-- Users, projects, members and tokens of the local forge, their changes, and sessions of browsers. Names that differ only in case are the same.
-- `invalidations` counts the changes of a group of tables, by which hosts learn that something that they remember has changed.
-- `settings` are those that all hosts must share.
CREATE TABLE mlforge.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, login text NOT NULL,
    created bigint NOT NULL DEFAULT floor(extract(epoch FROM now()))::bigint, admin bigint NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX users_by_login ON mlforge.users (lower(login));
CREATE TABLE mlforge.projects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path text NOT NULL, visibility text NOT NULL,
    created bigint NOT NULL DEFAULT floor(extract(epoch FROM now()))::bigint);
CREATE UNIQUE INDEX projects_by_path ON mlforge.projects (lower(path));
CREATE TABLE mlforge.members (
    project bigint NOT NULL REFERENCES mlforge.projects (id) ON DELETE CASCADE,
    "user" bigint NOT NULL REFERENCES mlforge.users (id) ON DELETE CASCADE,
    role text NOT NULL, PRIMARY KEY (project, "user"));
CREATE TABLE mlforge.tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "user" bigint NOT NULL REFERENCES mlforge.users (id) ON DELETE CASCADE,
    project bigint REFERENCES mlforge.projects (id) ON DELETE CASCADE,
    scope text NOT NULL, hash bytea NOT NULL UNIQUE, prefix text NOT NULL,
    created bigint NOT NULL DEFAULT floor(extract(epoch FROM now()))::bigint, expires text, revoked bigint, used bigint);
CREATE TABLE mlforge.changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time bigint NOT NULL DEFAULT floor(extract(epoch FROM now()))::bigint,
    author text NOT NULL, address text NOT NULL, request text NOT NULL, action text NOT NULL, object text NOT NULL,
    detail text NOT NULL);
CREATE TABLE mlforge.sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, hash bytea NOT NULL UNIQUE, "user" text NOT NULL,
    login text NOT NULL, sealed bytea NOT NULL, agent text NOT NULL, created_ms bigint NOT NULL, used_ms bigint NOT NULL);
CREATE INDEX sessions_of_user ON mlforge.sessions ("user", used_ms);
CREATE INDEX sessions_by_use ON mlforge.sessions (used_ms);
CREATE INDEX sessions_by_age ON mlforge.sessions (created_ms);
CREATE TABLE mlforge.invalidations (name text PRIMARY KEY, seq bigint NOT NULL);
CREATE TABLE mlforge.settings (name text PRIMARY KEY, value bytea NOT NULL);
