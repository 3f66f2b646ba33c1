//! The limits of the host that an embedder may set.

pub(crate) mod admission;
pub(crate) mod budget;
pub(crate) mod connections;
pub(crate) mod crowding;
pub(crate) mod descriptors;
pub(crate) mod fair_queue;
pub(crate) mod idle_timeout;
pub(crate) mod pace;
pub(crate) mod project_maxima;
pub(crate) mod rate;
pub(crate) mod refusals;

use std::time::Duration;

use crate::limits::pace::Pace;
use crate::limits::project_maxima::ProjectMaxima;
use crate::limits::rate::Rate;
use crate::storage::PerProject;

/// Bounds on the cost of a request, an instance and a connection.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum time of a request: from the moment at which it has its body and a permit to run, to the end of
    /// its answer.
    pub request_timeout: Duration,
    /// Number of requests that run in the component at the same time.
    pub concurrent_requests_max: usize,
    /// Number of further requests that may wait for a permit to run.
    pub queued_requests_max: usize,
    /// Maximum time for which a request waits for a permit. After it, the client is told to try again.
    pub queue_timeout: Duration,
    /// Maximum time for the forge to identify a caller.
    pub forge_timeout: Duration,
    /// Time after which the forge is asked again about the caller of a transfer that still runs.
    pub rights_check_pause: Duration,
    /// Maximum request body, in bytes, of the routes that need large ones, such as `log-batch` and
    /// `log-inputs`.
    pub body_bytes_max: usize,
    /// Maximum request body, in bytes, of all other routes except those of files.
    pub small_body_bytes_max: usize,
    /// Maximum time for which a request body may pause, or be slower than its minimum rate.
    pub body_idle_timeout: Duration,
    /// Minimum rate of request bodies and answers that are held in memory, in bytes a second; 0: none.
    pub body_rate_min: u64,
    /// Maximum size of a file that a client uploads, in bytes.
    pub file_bytes_max: u64,
    /// Maxima of what each project keeps.
    pub project_maxima: PerProject<ProjectMaxima>,
    /// Maximum time for completing a multipart upload. The caller waits for it.
    pub multipart_complete_timeout: Duration,
    /// Number of requests that carry files at the same time, besides all others.
    pub transfers_max: usize,
    /// Minimum rate of uploads and downloads of files, in bytes a second; 0: none.
    pub transfer_rate_min: u64,
    /// Idle timeout of a file transfer: the longest time without a byte in either direction.
    pub transfer_idle_timeout: Duration,
    /// Maximum size of an answer of the component, in bytes.
    pub answer_bytes_max: usize,
    /// Maximum number of bytes of the request and answer bodies of all requests together.
    pub bodies_bytes_max: usize,
    /// The share of one project, in percent, of each bound on all requests. These bounds are on requests
    /// (all, running, queued, and with files), on bodies, and on the memory of instances. A share is never
    /// less than one request may take.
    pub project_percent_max: usize,
    /// The share of one caller, over all projects, in percent, of the same bounds.
    pub caller_percent_max: usize,
    /// The rate of requests of one token, over all projects. `None`: any.
    pub token_rate: Option<Rate>,
    /// The rate of requests of all tokens to one project. `None`: any.
    pub project_rate: Option<Rate>,
    /// Maximum linear memory of one instance, in bytes. A request that needs more is refused (413).
    pub instance_bytes_max: usize,
    /// Maximum linear memory of all instances together, in bytes.
    pub instances_bytes_max: usize,
    /// Linear memory, in bytes, above which an instance is not reused.
    pub instance_reuse_bytes_max: usize,
    /// Number of requests after which an instance is replaced.
    pub instance_requests_max: u32,
    /// Maximum number of idle instances of all projects together.
    pub idle_max: usize,
    /// Maximum number of idle instances of one project.
    pub idle_per_project_max: usize,
    /// Time after which an idle instance is dropped.
    pub instance_idle_timeout: Duration,
    /// Time after which the most recently used query instance of a project is dropped. Its cache makes the
    /// next search several times as fast.
    pub query_instance_idle_timeout: Duration,
    /// Maximum linear memory, in bytes, of the query instances that stay idle longer than others.
    pub query_instances_idle_bytes_max: usize,
    /// Maximum number of open connections, and of requests being processed. It is lowered to half of the
    /// descriptors that the process may have. A full server closes a stranger's or an idle connection for
    /// each new one.
    pub connections_max: usize,
    /// Maximum time for the head of a request, from the moment at which the connection is free.
    pub header_read_timeout: Duration,
    /// Timeout for the headers of a connection's first request, whose client is not known yet.
    pub first_header_read_timeout: Duration,
    /// Maximum size of the head of a request, in bytes.
    pub head_bytes_max: usize,
    /// Maximum time for which a client may read nothing of an answer, or less than the minimum rate.
    pub write_idle_timeout: Duration,
    /// Maximum time for running requests to finish after the host stops.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            concurrent_requests_max: 256,
            queued_requests_max: 1024,
            queue_timeout: Duration::from_secs(5),
            forge_timeout: Duration::from_secs(10),
            rights_check_pause: Duration::from_secs(30),
            body_bytes_max: 20 << 20,
            small_body_bytes_max: 1 << 20,
            body_idle_timeout: Duration::from_secs(20),
            body_rate_min: 32 << 10,
            file_bytes_max: 16 << 30,
            project_maxima: PerProject::all(ProjectMaxima::NONE),
            multipart_complete_timeout: Duration::from_secs(600),
            transfers_max: 128,
            transfer_rate_min: 1 << 10,
            transfer_idle_timeout: Duration::from_secs(120),
            answer_bytes_max: 128 << 20,
            bodies_bytes_max: 1 << 30,
            project_percent_max: 50,
            caller_percent_max: 25,
            // Any rate would be too low for some training script, and shares bound what one project takes.
            token_rate: None,
            project_rate: None,
            instance_bytes_max: 256 << 20,
            instances_bytes_max: 1 << 30,
            instance_reuse_bytes_max: 16 << 20,
            instance_requests_max: 1000,
            idle_max: 64,
            idle_per_project_max: 32,
            instance_idle_timeout: Duration::from_secs(10),
            query_instance_idle_timeout: Duration::from_secs(600),
            query_instances_idle_bytes_max: 32 << 20,
            connections_max: 2048,
            header_read_timeout: Duration::from_secs(30),
            first_header_read_timeout: Duration::from_secs(10),
            head_bytes_max: 64 << 10,
            write_idle_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The minimum pace of a request body that is held in memory.
    pub(crate) fn body_pace(&self) -> Pace {
        Pace {
            grace: self.body_idle_timeout,
            rate_min: self.body_rate_min,
        }
    }

    /// The minimum pace of an upload.
    pub(crate) fn upload_pace(&self) -> Pace {
        Pace {
            grace: self.body_idle_timeout,
            rate_min: self.transfer_rate_min,
        }
    }

    /// The minimum pace at which a client reads an answer.
    pub(crate) fn answer_pace(&self, is_streamed: bool) -> Pace {
        let rate_min = if is_streamed {
            self.transfer_rate_min
        } else {
            self.body_rate_min
        };
        Pace {
            grace: self.write_idle_timeout,
            rate_min,
        }
    }
}
