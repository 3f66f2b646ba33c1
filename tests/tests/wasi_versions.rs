//! The component in its two versions of WASI: the synchronous imports of `wit/sync` and those of `wit/`.

use std::path::Path;

use mlforge_tests::tracker::component;
use wit_component::DecodedWasm;
use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind, WorldItem};

/// The asynchronous functions whose streams are resources in `wit/sync`.
const STREAMED: [&str; 2] = ["blobs.stage", "blobs.read"];

#[test]
fn every_asynchronous_import_has_a_synchronous_namesake() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let mut resolve = Resolve::default();
    let (plugin, _) = resolve.push_dir(&wit).unwrap();
    let (sync, _) = resolve.push_dir(wit.join("sync")).unwrap();
    let mut compared = 0;
    for (name, interface) in &resolve.packages[plugin].interfaces {
        // The exports of components of WASI 0.3.
        if name == "direct" || name == "maintenance" {
            continue;
        }
        for function in resolve.interfaces[*interface].functions.values() {
            if !function.kind.is_async() {
                continue;
            }
            let place = format!("{name}.{}", function.name);
            let namesake = resolve.packages[sync].interfaces.get(name);
            let namesake = namesake.and_then(|interface| resolve.interfaces[*interface].functions.get(&function.name));
            let namesake = namesake.unwrap_or_else(|| panic!("wit/sync has no {place}"));
            assert!(!namesake.kind.is_async(), "{place}");
            if !STREAMED.contains(&place.as_str()) {
                assert_eq!(signature(&resolve, namesake), signature(&resolve, function), "{place}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 14, "{compared} functions were compared");
}

/// Parameters and result, in which a type is followed to its definition.
fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameter = |parameter: &wit_parser::Param| format!("{}: {}", parameter.name, text(resolve, parameter.ty));
    let parameters: Vec<String> = function.params.iter().map(parameter).collect();
    let result = function.result.map(|result| text(resolve, result));
    format!("({}) -> {result:?}", parameters.join(", "))
}

fn text(resolve: &Resolve, kind: Type) -> String {
    let Type::Id(mut id) = kind else {
        return format!("{kind:?}");
    };
    while let TypeDefKind::Type(Type::Id(other)) = resolve.types[id].kind {
        id = other;
    }
    let inner = |kind: &Type| text(resolve, *kind);
    match &resolve.types[id].kind {
        TypeDefKind::List(of) => format!("list<{}>", inner(of)),
        TypeDefKind::Option(of) => format!("option<{}>", inner(of)),
        TypeDefKind::Result(of) => format!(
            "result<{:?}, {:?}>",
            of.ok.as_ref().map(inner),
            of.err.as_ref().map(inner)
        ),
        _ => format!("{:?} of {:?}", resolve.types[id].name, resolve.types[id].owner),
    }
}

#[test]
fn a_component_imports_one_version_of_wasi() {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&component()).unwrap() else {
        panic!("not a component");
    };
    let imports: Vec<InterfaceId> = resolve.worlds[world]
        .imports
        .values()
        .filter_map(|item| match item {
            WorldItem::Interface { id, .. } => Some(*id),
            _ => None,
        })
        .collect();
    let names: Vec<String> = imports.iter().filter_map(|id| resolve.id_of(*id)).collect();
    // A component of another version is tested only when the environment names it.
    let version = match std::env::var_os("MLFORGE_TEST_COMPONENT") {
        Some(_) => "@0.2.0",
        None => "@0.3.0",
    };
    let others = names
        .iter()
        .filter(|name| name.starts_with("wasi:") && !name.ends_with(version));
    assert_eq!(others.count(), 0, "{names:?}");
    if version == "@0.2.0" {
        let mut functions = imports.iter().flat_map(|id| resolve.interfaces[*id].functions.values());
        assert!(functions.all(|function| !function.kind.is_async()), "{names:?}");
        let mut types = resolve.types.iter().map(|(_, definition)| &definition.kind);
        assert!(!types.any(|kind| matches!(kind, TypeDefKind::Stream(_) | TypeDefKind::Future(_))));
    }
}
