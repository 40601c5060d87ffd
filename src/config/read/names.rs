//! The names of a key: its path in the file, `saml.idp[0].metadata`, and its
//! environment variable, `VESTIBULE_SAML_IDP_0_METADATA`.

/// The beginning of every variable, without the underscore behind it.
pub(crate) const PREFIX: &str = "VESTIBULE";

/// The path of a key. As in TOML, a name with other characters than a bare
/// key's is quoted, so that `"server.listen"` is not `server.listen`.
pub(crate) fn child_path(path: &str, name: &str) -> String {
    let bare =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// The variable of a key in the table that has the variable `variable`.
pub(crate) fn child_variable(variable: &str, name: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{variable}_{}", name.chars().map(upper).collect::<String>())
}

/// The variable of a whole path, `saml.idp[0]`.
pub(crate) fn variable_of(path: &str) -> String {
    child_variable(PREFIX, &path.replace(']', ""))
}

/// Whether a variable is meant for this configuration. Kubernetes puts
/// `VESTIBULE_SERVICE_HOST`, `VESTIBULE_PORT_8080_TCP` and the like into every
/// container beside a service named vestibule; those are not.
pub(crate) fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| {
        let of_a_service_link = rest == "PORT"
            || rest.starts_with("PORT_")
            || rest == "SERVICE_HOST"
            || rest == "SERVICE_PORT"
            || rest.starts_with("SERVICE_PORT_");
        !of_a_service_link
    })
}
