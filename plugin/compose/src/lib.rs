//! Composition of components: one supplies interfaces that another imports, and the result is one component again.

use anyhow::{Context, anyhow, bail};
use wac_graph::types::{Package, SubtypeChecker};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

/// The package name, with its colon and slash, of the interfaces between component and host.
const OWN: &str = "mlforge:plugin/";

/// An interface that a component imports or exports, for example `mlforge:plugin/blobs@0.1.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface(String);

impl Interface {
    /// The whole name, with package and version.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// True if it is the interface of this short name in `mlforge:plugin`, whatever its version.
    #[must_use]
    pub fn is_own(&self, short: &str) -> bool {
        let own = self.0.strip_prefix(OWN).map(|name| name.split('@').next());
        own == Some(Some(short))
    }
}

/// Composes `component` with `supplier`: those imports of the component that `choose` names become the exports of the supplier.
/// The result has the exports of the component. Its imports are the rest, and those of the supplier.
///
/// Fails if the supplier does not export a chosen interface, exports it with another type, or if none was chosen.
pub fn supply(component: &[u8], supplier: &[u8], choose: impl Fn(&Interface) -> bool) -> anyhow::Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let component = register(&mut graph, "mlforge:component", component)?;
    let supplier = register(&mut graph, "mlforge:supplier", supplier)?;
    let chosen: Vec<String> = imports_of(&graph, component)
        .into_iter()
        .filter(choose)
        .map(|interface| interface.0)
        .collect();
    if chosen.is_empty() {
        bail!("the component imports none of the interfaces that are to be supplied");
    }
    let lent = graph.instantiate(supplier);
    let user = graph.instantiate(component);
    for name in &chosen {
        must_fit(&graph, supplier, component, name)?;
        let export = graph.alias_instance_export(lent, name)?;
        graph.set_instantiation_argument(user, name, export)?;
    }
    export_all(&mut graph, component, user)?;
    let options = EncodeOptions {
        define_components: true,
        validate: true,
        processor: None,
    };
    graph.encode(options).context("cannot encode the composed component")
}

/// The interfaces that a component imports, in its own order.
pub fn imports(component: &[u8]) -> anyhow::Result<Vec<Interface>> {
    let mut graph = CompositionGraph::new();
    let component = register(&mut graph, "mlforge:component", component)?;
    Ok(imports_of(&graph, component))
}

fn register(graph: &mut CompositionGraph, name: &str, bytes: &[u8]) -> anyhow::Result<PackageId> {
    let package = Package::from_bytes(name, None, bytes.to_vec(), graph.types_mut());
    let package = package.with_context(|| format!("{name} is no component that can be composed"))?;
    Ok(graph.register_package(package)?)
}

fn imports_of(graph: &CompositionGraph, component: PackageId) -> Vec<Interface> {
    let imports = &graph.types()[graph[component].ty()].imports;
    imports.keys().cloned().map(Interface).collect()
}

/// Fails unless the supplier exports an interface as the component imports it.
fn must_fit(graph: &CompositionGraph, supplier: PackageId, component: PackageId, name: &str) -> anyhow::Result<()> {
    let types = graph.types();
    let lent = types[graph[supplier].ty()].exports.get(name).copied();
    let lent = lent.ok_or_else(|| anyhow!("nothing supplies {name}"))?;
    let wanted = types[graph[component].ty()].imports.get(name).copied();
    let wanted = wanted.ok_or_else(|| anyhow!("the component does not import {name}"))?;
    let mut cache = Default::default();
    SubtypeChecker::new(&mut cache)
        .is_subtype(lent, types, wanted, types)
        .with_context(|| format!("{name} is supplied in another form than the component imports it"))
}

fn export_all(graph: &mut CompositionGraph, component: PackageId, instance: NodeId) -> anyhow::Result<()> {
    let exports = &graph.types()[graph[component].ty()].exports;
    let names: Vec<String> = exports.keys().cloned().collect();
    for name in names {
        let export = graph.alias_instance_export(instance, &name)?;
        graph.export(export, &name)?;
    }
    Ok(())
}
