<?php

// SimpleSAMLphp for one test: on loopback over plain http, everything in one
// temporary directory (IDP_DIR), nothing kept. See tests/support/idp.rs.

$dir = getenv('IDP_DIR') . '/';

// What the libraries deprecate under newer PHP would stand in the pages.
error_reporting(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED);

$config = [
    'baseurlpath' => getenv('IDP_URL') . '/',
    'enable.saml20-idp' => true,

    'metadatadir' => dirname(__DIR__) . '/metadata/',
    'certdir' => $dir,
    'datadir' => $dir,
    'tempdir' => $dir . 'tmp',
    'metadata.sources' => [['type' => 'flatfile']],

    'secretsalt' => 'nothing kept, nothing secret',
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'admin.protectindexpage' => true,
    'admin.protectmetadata' => false,
    'technicalcontact_email' => 'na@example.org',
    'timezone' => 'UTC',

    'logging.level' => SimpleSAML\Logger::INFO,
    'logging.handler' => 'stderr',
    'showerrors' => true,
    'errorreporting' => false,

    'store.type' => 'phpsession',
    'session.cookie.name' => 'SimpleSAMLSessionID',
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'session.phpsession.cookiename' => 'SimpleSAML',
    'session.phpsession.savepath' => $dir . 'sessions',
    'session.phpsession.httponly' => true,
    'session.authtoken.cookiename' => 'SimpleSAMLAuthToken',

    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'theme.use' => 'default',
    'template.auto_reload' => false,
];
