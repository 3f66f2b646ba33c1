# The users and projects of the tests. Each user's API key is known: the login and `key`, filled up with zeros.

Redmine::DefaultData::Loader.load("en")
Setting.rest_api_enabled = "1"

def user(login, admin: false)
  user = User.new(login: login, firstname: login.capitalize, lastname: "Example", mail: "#{login}@example.org")
  user.admin = admin
  user.random_password
  user.save!
  Token.create!(user: user, action: "api").update_column(:value, "#{login}key".ljust(40, "0"))
end

user("root", admin: true)
roles = { "dev" => "Developer", "rex" => "Reporter", "mia" => "Manager", "eve" => "Developer", "leo" => "Developer" }
roles.each_key { |login| user(login) }
user("sam")

{ "vision" => false, "open" => true }.each do |identifier, is_public|
  project = Project.create!(name: identifier.capitalize, identifier: identifier, is_public: is_public)
  roles.each do |login, role|
    Member.create!(project: project, user: User.find_by!(login: login), roles: [Role.find_by!(name: role)])
  end
end
