# What Lasso itself says of a request to an identity provider that does not know the
# person yet. Those that are made with it mend requests first (LemonLDAP::NG does), each
# in its own way. The argument is the query of an HTTP-Redirect; IDP_DIR has the identity
# provider's key, certificate and metadata, and the service provider's metadata.
# Says "yes", or why not.

use strict;
use warnings;
use Lasso;

my ($query) = @ARGV;
chdir $ENV{IDP_DIR} or die "$ENV{IDP_DIR}: $!";

my $server = Lasso::Server->new( 'idp.xml', 'idp.key', undef, 'idp.crt' );
$server->add_provider( Lasso::Constants::PROVIDER_ROLE_SP, 'sp.xml', undef, undef );
my $login = Lasso::Login->new($server);

my $allowed = eval {
    # The signature too.
    $login->process_authn_request_msg($query);
    my ( $is_authenticated, $has_consented ) = ( 1, 1 );
    $login->validate_request_msg( $is_authenticated, $has_consented );
    1;
};
my $why = $@;
print $allowed ? 'yes' : ref $why ? "$why->{code} $why->{message}" : $why;
