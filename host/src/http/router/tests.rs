use super::*;

fn at(uri: &str) -> Route<'static> {
    let uri: &'static Uri = Box::leak(Box::new(uri.parse().unwrap()));
    route(&Method::GET, uri)
}

fn path_of(id: &str) -> ProjectRef {
    match at(&format!("/api/v4/projects/{id}/ml/mlflow/x")) {
        Route::Project { project, path: "/x" } => project,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_project_is_named_by_number_or_by_encoded_path() {
    assert_eq!(path_of("42"), ProjectRef::Id(42));
    assert_eq!(
        path_of("group%2Fsub%2Fproject"),
        ProjectRef::Path("group/sub/project".into())
    );
    assert_eq!(path_of("%34%32"), ProjectRef::Path("42".into()));
    assert_eq!(path_of("+42"), ProjectRef::Path("+42".into()));
    assert_eq!(
        path_of("99999999999999999999"),
        ProjectRef::Path("99999999999999999999".into())
    );
}

#[test]
fn the_mount_of_a_project_leads_to_it() {
    let place = of_project(ProjectId(42));
    assert_eq!(place, "/api/v4/projects/42/ml/mlflow");
    let project = ProjectRef::Id(42);
    assert_eq!(at(&format!("{place}/x")), Route::Project { project, path: "/x" });
}

#[test]
fn a_path_is_decoded_once_and_its_slashes_twice() {
    assert_eq!(path_of("a%252Fb"), ProjectRef::Path("a/b".into()));
    assert_eq!(path_of("a%252fb%2541"), ProjectRef::Path("a/b%41".into()));
}

#[test]
fn invalid_utf8_names_no_project() {
    assert_eq!(path_of("a%FF"), ProjectRef::Path("a\u{fffd}".into()));
}

#[test]
fn the_rest_of_the_path_stays_raw() {
    let rest = "/api/2.0/mlflow-artifacts/artifacts/a%2Fb%20c";
    assert_eq!(
        at(&format!("/api/v4/projects/1/ml/mlflow{rest}?path=x%2Fy")),
        Route::Project {
            project: ProjectRef::Id(1),
            path: rest
        }
    );
}

#[test]
fn other_paths_have_no_target() {
    for path in [
        "/api/v4/projects/1",
        "/api/v4/projects//ml/mlflow/x",
        "/-/ml/experiments",
        "/a/b/-/mlx",
        "/a/b/-/",
    ] {
        assert_eq!(at(path), Route::Nowhere, "{path}");
    }
    assert_eq!(at("/api/v4/projects/group/project/ml/mlflow/x"), Route::Nowhere);
    assert_eq!(at("/api/v4/projects/1/ml/mlflowers/x"), Route::Nowhere);
    assert_eq!(at("/-/healthy"), Route::Nowhere);
}

#[test]
fn the_mount_itself_has_a_page_with_a_slash_or_without() {
    for uri in ["/api/v4/projects/1/ml/mlflow", "/api/v4/projects/1/ml/mlflow/"] {
        let project = ProjectRef::Id(1);
        assert_eq!(at(uri), Route::Project { project, path: "/" });
    }
}

#[test]
fn pages_are_below_the_path_of_the_project() {
    for (uri, project, path) in [
        ("/vision/cats/-/ml", "vision/cats", "/-/ml/"),
        ("/vision/cats/-/ml/", "vision/cats", "/-/ml/"),
        ("/a/b/c/-/ml/models/1%2F2", "a/b/c", "/-/ml/models/1%2F2"),
        ("/a%2Fb/-/ml/x/-/ml/y", "a/b", "/-/ml/x/-/ml/y"),
    ] {
        let project = ProjectRef::Path(project.to_owned());
        assert_eq!(at(uri), Route::Project { project, path }, "{uri}");
    }
}

#[test]
fn mlflows_own_pages_are_below_the_path_of_the_project() {
    let project = || ProjectRef::Path("a/b".to_owned());
    for below in ["", "/", "/static-files/x.js", "/ajax-api/2.0/mlflow/runs/search"] {
        let (uri, project) = (format!("/a/b/-/ml/mlflow-ui{below}"), project());
        assert_eq!(at(&uri), Route::MlflowUi { project, below }, "{uri}");
    }
    let (project, path) = (project(), "/-/ml/mlflow-uis");
    assert_eq!(at("/a/b/-/ml/mlflow-uis"), Route::Project { project, path });
}

#[test]
fn calls_of_mlflows_own_pages_are_those_of_its_clients() {
    for call in [
        "/ajax-api/2.0/mlflow/runs/search",
        "/ajax-api/3.0/mlflow/server-info",
        "/graphql",
        "/get-artifact",
        "/model-versions/get-artifact",
    ] {
        assert_eq!(ui_call(call), Some(call));
    }
    for other in [
        "",
        "/",
        "/graphql/x",
        "/api/2.0/mlflow/runs/search",
        "/-/ml/audit",
        "/ajax-api",
        "/static-files/graphql",
    ] {
        assert_eq!(ui_call(other), None, "{other}");
    }
}

#[test]
fn pages_of_the_server_have_a_method() {
    for (uri, page) in [
        ("/", ServerPage::Projects),
        ("/-/sign-in?next=/a", ServerPage::SignIn),
        ("/-/assets/style.css?v=1", ServerPage::Asset("style.css")),
    ] {
        assert_eq!(at(uri), Route::Server(page), "{uri}");
    }
    assert_eq!(at("/-/sign-out"), Route::Nowhere);
    let posted: Uri = "/-/sign-in".parse().unwrap();
    assert_eq!(route(&Method::POST, &posted), Route::Server(ServerPage::SignInForm));
}

#[test]
fn health_is_at_the_root_and_below_every_mount() {
    for path in [
        "/-/health",
        "/health",
        "/api/v4/projects/1/ml/mlflow/health",
        "/api/v4/projects/1/ml/mlflow//health",
    ] {
        assert_eq!(at(path), Route::Health, "{path}");
    }
    let posted: Uri = "/health".parse().unwrap();
    assert_eq!(route(&Method::POST, &posted), Route::Nowhere);
}

#[test]
fn several_slashes_after_the_mount_count_as_one() {
    for slashes in ["/", "//", "////"] {
        let uri = format!("/api/v4/projects/1/ml/mlflow{slashes}api/2.0/a//b");
        let project = ProjectRef::Id(1);
        assert_eq!(
            at(&uri),
            Route::Project {
                project,
                path: "/api/2.0/a//b"
            }
        );
    }
}
