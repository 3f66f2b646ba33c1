use super::*;

#[test]
fn valid_schemes_are_joined_and_others_refused() {
    let listed = |schemes: &[&str]| scheme_list(&schemes.iter().map(|scheme| (*scheme).to_owned()).collect::<Vec<_>>());
    assert_eq!(listed(&[]).unwrap(), None);
    assert_eq!(listed(&["s3", "gs"]).unwrap().unwrap(), "s3,gs");
    for bad in ["", "S3", "s3://", "a,b", "1a", "s3\n"] {
        assert!(listed(&[bad]).is_err(), "{bad:?}");
    }
}
