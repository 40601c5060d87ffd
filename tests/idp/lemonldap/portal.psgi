# LemonLDAP::NG's portal for one test: on loopback over plain http, everything in one
# temporary directory (IDP_DIR), nothing kept. See tests/support/other_idp.rs.
#
# NAME_ID_FORMAT: what a request gets that names no format. "email", as by default, or
# "persistent". ENCRYPT: assertions, for the key in our metadata; unset: not.

use strict;
use warnings;
use JSON;

my ( $dir, $url ) = @ENV{qw(IDP_DIR IDP_URL)};

# It loads a captcha, wanted or not, and its own wants a library for pictures.
{
    package NoCaptcha;
    use Mouse;
    extends 'Lemonldap::NG::Portal::Main::Plugin';
    sub init { 1 }
    $INC{'NoCaptcha.pm'} = __FILE__;
}

# A file of the test's; undefined if it is not there.
sub content {
    my ($name) = @_;
    open my $file, '<', "$dir/$name" or return;
    local $/;
    return scalar <$file>;
}

sub store {
    my ( $name, $text ) = @_;
    open my $file, '>', "$dir/$name" or die "$dir/$name: $!";
    print {$file} $text or die "$dir/$name: $!";
    close $file or die "$dir/$name: $!";
    return;
}

# Where each session of a kind is a file.
sub sessions {
    my ($kind) = @_;
    my ( $directory, $locks ) = ( "$dir/$kind", "$dir/$kind.lock" );
    mkdir for $directory, $locks;
    return { Directory => $directory, LockDirectory => $locks };
}

my $aws  = 'https://aws.amazon.com/SAML/Attributes';
my $uri  = 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri';
my $arn  = 'arn:aws:iam::123456789012';
my %role = map { $_ => "$arn:saml-provider/Other,$arn:role/$_" } qw(Development Production);

# The service provider as it describes itself: its own metadata.
my $sp = content('sp.xml');
my %sp = !$sp ? () : (
    samlSPMetaDataXML     => { vestibule => { samlSPMetaDataXML => $sp } },
    samlSPMetaDataOptions => {
        vestibule => {
            samlSPMetaDataOptionsEnableIDPInitiatedURL    => 1,
            samlSPMetaDataOptionsCheckSSOMessageSignature => 1,
            samlSPMetaDataOptionsNameIDFormat             => $ENV{NAME_ID_FORMAT} // 'email',
            samlSPMetaDataOptionsEncryptionMode           => $ENV{ENCRYPT} ? 'assertion' : 'none',
        },
    },
    samlSPMetaDataExportedAttributes => {
        vestibule => {
            # 1: without a value there is no login.
            roles => "1;$aws/Role;$uri",
            mail  => "1;$aws/RoleSessionName;$uri",
        },
    },
);

my %configuration = (
    cfgNum     => 1,
    cfgDate    => time,
    cfgVersion => '2.16.1',

    portal        => "$url/",
    domain        => '127.0.0.1',
    securedCookie => 0,
    key           => 'nothing kept, nothing secret',
    captcha       => 'NoCaptcha',
    # It protects nothing but itself.
    locationRules => {},

    # The people of its demonstration: dwho, rtyler and msmith. Each password is the
    # name's own. Mickey has nothing to do in production.
    authentication       => 'Demo',
    userDB               => 'Same',
    demoExportedVars     => { uid => 'uid', mail => 'mail' },
    multiValuesSeparator => '; ',
    macros               => {
        _whatToTrace => '$uid',
        roles => "\$uid eq 'msmith' ? '$role{Development}' : '$role{Development}; $role{Production}'",
    },

    globalStorage              => 'Apache::Session::File',
    globalStorageOptions       => sessions('sessions'),
    persistentStorage          => 'Apache::Session::File',
    persistentStorageOptions   => sessions('persistent'),
    localSessionStorage        => 'Cache::FileCache',
    localSessionStorageOptions => { namespace => 'sessions', cache_root => "$dir/cache", cache_depth => 3 },

    issuerDBSAMLActivation              => 1,
    samlServicePrivateKeySig            => content('idp.key'),
    samlServicePublicKeySig             => content('idp.crt'),
    samlServiceSignatureMethod          => 'RSA_SHA256',
    samlServiceUseCertificateInResponse => 1,
    %sp,
);
store( 'lmConf-1.json', encode_json( \%configuration ) );
store( 'lemonldap-ng.ini', <<"INI" );
[all]
logLevel = notice

[configuration]
type = File
dirName = $dir

[portal]
templateDir = $ENV{LEMONLDAP}/usr/share/lemonldap-ng/portal/templates
staticPrefix = /static
languages = en
INI

$ENV{LLNG_DEFAULTCONFFILE} = "$dir/lemonldap-ng.ini";
require Lemonldap::NG::Portal::Main;
Lemonldap::NG::Portal::Main->run( {} );
