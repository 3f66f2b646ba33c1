//! Every limit of the host that an embedder may want to set.

pub(crate) mod admission;
pub(crate) mod budget;
pub(crate) mod connections;
pub(crate) mod descriptors;
pub(crate) mod idle_timeout;
pub(crate) mod pace;
use std::time::Duration;

use crate::limits::pace::Pace;

/// Bounds on what a request, an instance and a connection may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the moment at which a request has its body and a permit to its whole answer.
    pub request_timeout: Duration,
    /// Number of requests that run in the component at the same time.
    pub concurrent_requests_max: usize,
    /// Number of further requests that may wait for one of those permits.
    pub queued_requests_max: usize,
    /// How long they wait before they are told to come back.
    pub queue_timeout: Duration,
    /// How long the forge may take to say who the caller is.
    pub forge_timeout: Duration,
    /// The largest request body of the routes that need large ones, such as `log-batch` and `log-inputs`.
    pub body_bytes_max: usize,
    /// The largest request body of all other routes but those of files.
    pub small_body_bytes_max: usize,
    /// The longest time for which a request body may pause, or be slower than its least rate.
    pub body_idle_timeout: Duration,
    /// The least rate of request bodies and answers that are held in memory, in bytes a second; 0: none.
    pub body_rate_min: u64,
    /// The largest file that is taken from a client.
    pub file_bytes_max: u64,
    /// Bytes of files that a project keeps. `u64::MAX`: as many as there is room for, and nothing is counted.
    pub project_bytes_max: u64,
    /// How long a file that came in parts may take to be put together, which the caller waits for.
    pub multipart_complete_timeout: Duration,
    /// Number of requests that carry files at the same time, besides all others.
    pub transfers_max: usize,
    /// The least rate of uploads and downloads of files, in bytes a second; 0: none.
    pub transfer_rate_min: u64,
    /// How long such a request may go on without a byte that moves.
    pub transfer_idle_timeout: Duration,
    /// The largest answer that is taken from the component.
    pub answer_bytes_max: usize,
    /// Request and answer bodies of all requests together.
    pub bodies_bytes_max: usize,
    /// The share of one project, in percent, of each bound on all requests: those under way, running, queued and with files,
    /// bodies, and memory of instances. A share is never less than one request may take.
    pub project_percent_max: usize,
    /// The share of one caller, over all projects, in percent.
    pub caller_percent_max: usize,
    /// Linear memory of one instance. A request that needs more is refused (413).
    pub instance_bytes_max: usize,
    /// Linear memory of all instances together.
    pub instances_bytes_max: usize,
    /// An instance whose memory has grown past this is not used again.
    pub instance_reuse_bytes_max: usize,
    /// After so many requests an instance is replaced.
    pub instance_requests_max: u32,
    /// Number of idle instances, all projects together.
    pub idle_max: usize,
    /// Number of idle instances of one project.
    pub idle_per_project_max: usize,
    /// How long an instance waits.
    pub instance_idle_timeout: Duration,
    /// How long the instance waits that answered a project's last search: what it read makes the next one several times as fast.
    pub query_instance_idle_timeout: Duration,
    /// Linear memory of those that wait for longer than others.
    pub query_instances_idle_bytes_max: usize,
    /// The most open connections, and the most requests under way. It is lowered to half of the descriptors that the process
    /// may have. A full server closes a stranger's or an idle connection for each newcomer.
    pub connections_max: usize,
    /// How long a client may take to send the head of a request, from the moment at which the connection is free.
    pub header_read_timeout: Duration,
    /// Time-out for the headers of a connection's first request, whose client is not known yet.
    pub first_header_read_timeout: Duration,
    /// The largest head of a request.
    pub head_bytes_max: usize,
    /// The longest time for which a client may take nothing of an answer, or less than the least rate.
    pub write_idle_timeout: Duration,
    /// How long running requests may take to finish once the host stops.
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
            body_bytes_max: 20 << 20,
            small_body_bytes_max: 1 << 20,
            body_idle_timeout: Duration::from_secs(20),
            body_rate_min: 32 << 10,
            file_bytes_max: 16 << 30,
            project_bytes_max: u64::MAX,
            multipart_complete_timeout: Duration::from_secs(600),
            transfers_max: 128,
            transfer_rate_min: 1 << 10,
            transfer_idle_timeout: Duration::from_secs(120),
            answer_bytes_max: 128 << 20,
            bodies_bytes_max: 1 << 30,
            project_percent_max: 50,
            caller_percent_max: 25,
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
    /// The least pace of a request body that is held in memory.
    pub(crate) fn body_pace(&self) -> Pace {
        Pace {
            grace: self.body_idle_timeout,
            rate_min: self.body_rate_min,
        }
    }

    /// The least pace of an upload.
    pub(crate) fn upload_pace(&self) -> Pace {
        Pace {
            grace: self.body_idle_timeout,
            rate_min: self.transfer_rate_min,
        }
    }

    /// The least pace at which a client takes an answer.
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
