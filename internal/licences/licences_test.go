package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func bom(name, licence string) []byte {
	return []byte(`{"components":[{"name":"` + name + `","version":"v1","evidence":{"licenses":[{"license":{"id":"` + licence + `"}}]}}]}`)
}

func TestALicenceThatNobodyHasAllowedIsRefused(t *testing.T) {
	t.Parallel()
	if list, err := parse(bom("example.org/a", "MIT")); err != nil || len(list) != 1 || list[0] != (module{"example.org/a", "v1", "MIT"}) {
		t.Errorf("%v %v", list, err)
	}
	for _, sbom := range [][]byte{bom("example.org/a", "AGPL-3.0"), bom("example.org/a", ""), []byte(`{}`), []byte(`no`)} {
		if _, err := parse(sbom); err == nil {
			t.Errorf("%s is accepted", sbom)
		}
	}
}

func TestTheTextsOfABinaryNameEachModuleOfIt(t *testing.T) {
	t.Parallel()
	self, err := os.Executable() // which has no modules of others
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := shipped(self, &out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.HasPrefix(text, "==== std go1.") || !strings.Contains(text, "Redistribution and use in source and binary forms") {
		t.Errorf("%.300s", text)
	}
}
