# Closed to others before anything is in it; Git passes it by.
[ ! -L secrets ] || die "secrets is a link"
mkdir -p secrets
chmod 700 secrets
if [ ! -e secrets/.gitignore ]; then
	printf '# Passwords and keys are made on each host and never committed.\n*\n' >secrets/.gitignore
	chmod 644 secrets/.gitignore
fi
