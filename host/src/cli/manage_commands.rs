//! The arguments of the commands that manage projects, users, members and tokens. `manage.rs` implements them.

use clap::Subcommand;
use mlforge::forge::local::Visibility;
use mlforge::forge::{ProjectRef, Role, Scope};
use time::Date;

const MEMBER_EXAMPLES: &str = "\
guest, reporter                 read
developer, maintainer, owner    read and write

Example:
  mlforge member set team/model ada developer";

const TOKEN_EXAMPLES: &str = "\
Examples:
  mlforge token create --user ada
  mlforge token create --user ci --project team/model --scope api --expires 2030-01-01
  export MLFLOW_TRACKING_TOKEN=$(mlforge token create --user ada)

The token is printed now and never again: only its hash is stored.";

#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// Make a project without members, and print its number
    Create {
        /// Full path, for example team/model
        path: String,
        /// Visibility: private (members only), internal (every user) or public (everybody, also without signing in)
        #[arg(long, value_name = "WORD", default_value_t = Visibility::Private)]
        visibility: Visibility,
    },
    /// Say who may read a project without being a member
    #[command(name = "visibility")]
    SetVisibility {
        /// Its number or path
        #[arg(value_parser = super::parse_project)]
        project: ProjectRef,
        /// One of private (nobody), internal (every user), public (everybody, also without signing in)
        #[arg(value_name = "WORD")]
        visibility: Visibility,
    },
    /// Print number, path and visibility of each project
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make a user, and print their number
    Create {
        /// The name, for example ada
        name: String,
    },
    /// Let a user create users and projects on the server's pages, and read there who changed what
    Admin {
        /// Their name
        name: String,
        /// Take it back
        #[arg(long)]
        revoke: bool,
    },
    /// Print number and name of each user, and who is an administrator
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum MemberCommand {
    /// Give a user a role in a project, instead of the one they have there
    #[command(after_help = MEMBER_EXAMPLES)]
    Set {
        /// Its number or path
        #[arg(value_parser = super::parse_project)]
        project: ProjectRef,
        /// Their name
        user: String,
        /// One of guest, reporter, developer, maintainer, owner
        role: Role,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token, and print it
    #[command(after_help = TOKEN_EXAMPLES)]
    Create {
        /// As whom it acts
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The only project for which it works, by number or path [default: all of the user's]
        #[arg(long, value_parser = super::parse_project)]
        project: Option<ProjectRef>,
        /// Either api (everything) or read_api (reading and searching only)
        #[arg(long, default_value_t = Scope::Api)]
        scope: Scope,
        /// First day (UTC) on which it no longer works, as YYYY-MM-DD [default: until revoked]
        #[arg(long, value_name = "DATE", value_parser = super::parse_day)]
        expires: Option<Date>,
    },
    /// Print number, beginning, user, project, scope, last day, last use and state of each token
    List,
    /// End a token at once
    Revoke {
        /// The whole token, or its number in `token list`
        token_or_id: String,
    },
}
