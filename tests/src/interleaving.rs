//! Explores every interleaving of two operations. Each is compared with the results of running them one after
//! the other.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::Receiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gated_host::{Client, GatedHost};
use crate::gated_storage::{Held, Trace};
use crate::snapshot::Snapshot;

/// An operation that takes longer is considered to hang.
const HANG_TIMEOUT: Duration = Duration::from_secs(60);

/// A step while it runs; resolves to a short text of its answer.
pub type StepFuture = Pin<Box<dyn Future<Output = String> + Send>>;

/// One request, or one run of maintenance.
pub type Step = Arc<dyn Fn(Client) -> StepFuture + Send + Sync>;

/// One or more steps of one client, one after the other. Steps of other clients may come between them.
#[derive(Clone)]
pub struct Operation {
    /// Unique among the operations of a test.
    pub name: &'static str,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// The stored data that it rewrites without changing its meaning.
    pub rewrites: Rewrites,
}

/// The stored data that an operation rewrites without changing its meaning. It is left out of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrites {
    /// No stored data.
    Nothing,
    /// Blocks of columns, whose revisions are not compared.
    Blocks,
    /// Everything, by compaction: results are compared after another compaction.
    All,
}

impl Operation {
    /// Runs all steps; resolves to their answers.
    fn run(&self, client: &Client) -> StepFuture {
        let (steps, client) = (self.steps.clone(), client.clone());
        Box::pin(async move {
            let mut answers = Vec::new();
            for step in steps {
                answers.push(step(client.clone()).await);
            }
            answers.join(", ")
        })
    }
}

/// The answers to two operations, and the stored data after them.
#[derive(Clone, PartialEq, Eq)]
struct Outcome {
    answers: [String; 2],
    stored: Snapshot,
}

/// The result of exploring a pair of operations.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Number of interleavings that were run.
    pub interleavings: usize,
    /// Descriptions of the interleavings whose outcome matches no serial order.
    pub violations: Vec<String>,
}

/// All serial orders of two operations with these numbers of steps. An order lists the operation of each
/// step.
fn serial_orders(first: usize, second: usize) -> Vec<Vec<usize>> {
    if first == 0 || second == 0 {
        return vec![[vec![0; first], vec![1; second]].concat()];
    }
    let beginning_with = |operation: usize, rest: Vec<Vec<usize>>| {
        let orders = rest.into_iter().map(move |rest| [vec![operation], rest].concat());
        orders.collect::<Vec<_>>()
    };
    [
        beginning_with(0, serial_orders(first - 1, second)),
        beginning_with(1, serial_orders(first, second - 1)),
    ]
    .concat()
}

/// Runs an operation alone in a copy of `initial`, and records its accesses to the storage.
pub async fn trace(host: &GatedHost, initial: &Snapshot, operation: &Operation) -> Trace {
    let client = host.project(initial).await;
    host.storage.open();
    operation.run(&client).await;
    host.storage.open()
}

/// Runs all interleavings of two operations, each in a copy of `initial`. `traces` are those of the
/// operations. If they are independent, no interleaving can make a difference, and none is run.
pub async fn explore(host: &GatedHost, initial: &Snapshot, operations: [&Operation; 2], traces: [&Trace; 2]) -> Report {
    let mut report = Report::default();
    let [first, second] = traces;
    if first.is_independent_of(second) {
        return report;
    }
    let explorer = Explorer {
        host,
        initial,
        operations,
    };
    let mut legal = Vec::new();
    for order in serial_orders(operations[0].steps.len(), operations[1].steps.len()) {
        legal.push(explorer.serially(&order).await);
    }
    for (outer, traces) in [(0, [first, second]), (1, [second, first])] {
        for interleaving in interleavings(traces) {
            report.interleavings += 1;
            let (client, answers) = explorer.interleaved(outer, interleaving).await;
            let outcome = explorer.outcome(&client, answers).await;
            if !legal.contains(&outcome) {
                let violation = explorer.violation(outer, interleaving, &outcome, &legal);
                report.violations.push(violation);
            }
        }
    }
    report
}

/// Runs `inner` whole between any two calls of `outer`, each time in a copy of `initial`, and passes the
/// result to `inspect`. The answers are those of `outer` and `inner`.
pub async fn between(
    host: &GatedHost,
    initial: &Snapshot,
    outer: &Operation,
    inner: &Operation,
    inspect: impl AsyncFn(&Client, [String; 2]),
) {
    let calls = trace(host, initial, outer).await.calls;
    let explorer = Explorer {
        host,
        initial,
        operations: [outer, inner],
    };
    for outer_calls in 1..calls {
        let interleaving = Interleaving {
            outer_calls,
            inner_calls: None,
        };
        let (client, answers) = explorer.interleaved(0, interleaving).await;
        inspect(&client, answers).await;
    }
}

/// The position of the inner operation between calls of the outer one.
#[derive(Clone, Copy, Debug)]
struct Interleaving {
    /// Number of calls of the outer operation before the inner one begins.
    outer_calls: usize,
    /// Number of calls of the inner operation after which the outer one runs to its end. `None`: after its
    /// last one.
    inner_calls: Option<usize>,
}

/// Maximum number of changes of an inner operation that are all tried at each position. Of more changes, a
/// quarter is tried at each position, another quarter each time.
const CHANGES_MAX: usize = 8;

/// All interleavings to run. Between any two calls of the outer operation the inner one runs whole, or up to
/// each of its changes.
fn interleavings([outer, inner]: [&Trace; 2]) -> Vec<Interleaving> {
    let mut all = Vec::new();
    for outer_calls in 1..outer.calls {
        all.push(Interleaving {
            outer_calls,
            inner_calls: None,
        });
        let are_few = inner.changes.len() <= CHANGES_MAX;
        for (index, calls) in inner.changes.iter().enumerate() {
            if *calls > 0 && (are_few || (index + outer_calls).is_multiple_of(4)) {
                all.push(Interleaving {
                    outer_calls,
                    inner_calls: Some(*calls),
                });
            }
        }
    }
    all
}

struct Explorer<'a> {
    host: &'a GatedHost,
    initial: &'a Snapshot,
    operations: [&'a Operation; 2],
}

/// A running operation. While `held` exists, it waits before a call.
struct InFlight {
    task: JoinHandle<String>,
    held: Option<Held>,
}

impl Explorer<'_> {
    /// Runs the steps of both operations in an order, none of them concurrently.
    async fn serially(&self, order: &[usize]) -> Outcome {
        let client = self.host.project(self.initial).await;
        self.host.storage.open();
        let mut answers = [Vec::new(), Vec::new()];
        for operation in order {
            let step = &self.operations[*operation].steps[answers[*operation].len()];
            answers[*operation].push(step(client.clone()).await);
        }
        self.outcome(&client, answers.map(|answers| answers.join(", "))).await
    }

    /// Runs both operations, the inner one at its position in the outer one.
    async fn interleaved(&self, outer: usize, interleaving: Interleaving) -> (Client, [String; 2]) {
        let client = self.host.project(self.initial).await;
        let mut answers = [const { String::new() }; 2];
        let held = self.host.storage.hold_after(interleaving.outer_calls);
        let outer_one = self.begin(outer, &client, Some(held)).await;
        let held = interleaving
            .inner_calls
            .map(|calls| self.host.storage.hold_after(calls));
        if held.is_none() {
            self.host.storage.open();
        }
        let inner_one = self.begin(1 - outer, &client, held).await;
        self.host.storage.open();
        answers[outer] = outer_one.end().await;
        answers[1 - outer] = inner_one.end().await;
        (client, answers)
    }

    /// Starts an operation. Resolves when the operation is held or has ended.
    async fn begin(&self, operation: usize, client: &Client, held: Option<Receiver<Held>>) -> InFlight {
        let mut task = tokio::spawn(self.operations[operation].run(client));
        let Some(held) = held else {
            let answer = timeout(HANG_TIMEOUT, &mut task)
                .await
                .expect("an operation that ends")
                .expect("an answer");
            return InFlight {
                task: tokio::spawn(async { answer }),
                held: None,
            };
        };
        let either = async {
            tokio::select! {
                held = held => held.ok(),
                answer = &mut task => {
                    let answer = answer.expect("an answer");
                    task = tokio::spawn(async { answer });
                    None
                }
            }
        };
        let held = timeout(HANG_TIMEOUT, either).await;
        InFlight {
            task,
            held: held.expect("an operation that is held or ends"),
        }
    }

    /// The stored data, in the form in which outcomes are compared.
    async fn outcome(&self, client: &Client, answers: [String; 2]) -> Outcome {
        self.host.storage.open();
        let rewrites = |what| self.operations.iter().any(|operation| operation.rewrites == what);
        if rewrites(Rewrites::All) {
            client.run_maintenance().await;
        }
        let mut stored = self.host.snapshot(client).await;
        if rewrites(Rewrites::All) || rewrites(Rewrites::Blocks) {
            stored.clear_zone_revisions();
        }
        self.host.storage.open();
        Outcome {
            answers,
            stored: stored.with_canonical_ids(self.initial),
        }
    }

    fn violation(&self, outer: usize, interleaving: Interleaving, outcome: &Outcome, legal: &[Outcome]) -> String {
        let mut lines = vec![format!(
            "'{}' within '{}', {interleaving:?}: {outcome:?}",
            self.operations[1 - outer].name,
            self.operations[outer].name
        )];
        for legal in legal {
            lines.push(format!(
                " legal: {legal:?}\n{}",
                outcome.stored.difference(&legal.stored)
            ));
        }
        lines.join("\n")
    }
}

impl InFlight {
    /// Releases the operation, and waits for its end.
    async fn end(self) -> String {
        drop(self.held);
        timeout(HANG_TIMEOUT, self.task)
            .await
            .expect("an operation that ends")
            .expect("an answer")
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.answers.fmt(f)
    }
}
