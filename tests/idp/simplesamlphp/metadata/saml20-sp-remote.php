<?php

// The service provider as it describes itself: its own metadata, read by
// SimpleSAMLphp's own importer, with only the test's options over it, which may
// change while it runs.

$file = getenv('IDP_DIR') . '/sp.xml';
if (file_exists($file)) {
    $options = json_decode(file_get_contents(getenv('IDP_DIR') . '/options.json'), true);
    $sp = SimpleSAML\Metadata\SAMLParser::parseFile($file)->getMetadata20SP();
    $metadata[$sp['entityid']] = $options['sp'] + $sp;
}
