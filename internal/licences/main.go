// Command licences tells under which licences the modules in the binary are. Of
// its bill of materials (CycloneDX, with detected licences) it makes the list
// for docs/licences.md, and fails for a licence that is not known to allow that.
// With -texts it writes the texts that are shipped with a binary.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// allowed are licences that ask for no more than their text beside the binary.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// module is one part of the binary.
type module struct{ name, version, licence string }

func main() {
	texts := flag.Bool("texts", false, "the argument is the binary; print the texts")
	flag.Parse()
	act := list
	if *texts {
		act = shipped
	}
	if err := act(flag.Arg(0), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func list(sbom string, out io.Writer) error {
	content, err := os.ReadFile(sbom)
	if err != nil {
		return err
	}
	modules, err := parse(content)
	if err != nil {
		return fmt.Errorf("%s: %w", sbom, err)
	}
	return writeList(out, modules)
}

// parse reads the modules of a bill of materials.
func parse(sbom []byte) (modules []module, err error) {
	var bom struct {
		Components []struct {
			Name, Version string
			Evidence      struct {
				Licenses []struct{ License struct{ ID, Name string } }
			}
		}
	}
	if err := json.Unmarshal(sbom, &bom); err != nil {
		return nil, err
	}
	for _, c := range bom.Components {
		m := module{name: c.Name, version: c.Version}
		switch {
		case len(c.Evidence.Licenses) > 0:
			m.licence = c.Evidence.Licenses[0].License.ID + c.Evidence.Licenses[0].License.Name
		case m.name == "std":
			m.licence = "BSD-3-Clause" // the detector reads modules only
		}
		if strings.HasPrefix(m.name, "golang.org/x/") && m.licence == "BSD-Source-Code" {
			m.licence = "BSD-3-Clause" // its text but for the name of the company, which the detector trips over
		}
		if !slices.Contains(allowed, m.licence) {
			return nil, fmt.Errorf("%s %s: licence %q; look at it, and replace the module or extend the list of those that are allowed", m.name, m.version, m.licence)
		}
		modules = append(modules, m)
	}
	if len(modules) == 0 {
		return nil, fmt.Errorf("it names no module")
	}
	return modules, nil
}

// writeList renders docs/licences.md.
func writeList(out io.Writer, modules []module) error {
	var b strings.Builder
	b.WriteString("# Licences of the dependencies\n\n")
	b.WriteString("The modules in the binary, as [CycloneDX](https://github.com/CycloneDX/cyclonedx-gomod) finds them. Made by `make licences`; their texts are in every package, tarball and image.\n\n")
	b.WriteString("| module | version | licence |\n|---|---|---|\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.name, m.version, m.licence)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
