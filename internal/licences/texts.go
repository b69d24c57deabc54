package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// shipped writes the texts for a binary, of whatever kind of machine.
func shipped(binary string, out io.Writer) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	modules := []module{{name: "std", version: info.GoVersion}}
	for _, m := range info.Deps {
		modules = append(modules, module{name: m.Path, version: m.Version})
	}
	return writeTexts(out, modules)
}

// writeTexts writes every licence file of the modules, equal ones once.
func writeTexts(out io.Writer, modules []module) error {
	dirs, err := directories()
	if err != nil {
		return err
	}
	seen := map[string]string{}
	for _, m := range modules {
		dir := dirs[m.name]
		if dir == "" {
			return fmt.Errorf("%s: its source is not here; run go mod download", m.name)
		}
		found, err := legalFiles(dir, m.name == "std")
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s %s: it has no licence file", m.name, m.version)
		}
		fmt.Fprintf(out, "==== %s %s\n\n", m.name, m.version)
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			if first := seen[string(text)]; first != "" {
				fmt.Fprintf(out, "---- %s: as %s\n\n", rel, first)
				continue
			}
			seen[string(text)] = m.name + " " + rel
			fmt.Fprintf(out, "---- %s\n\n%s\n\n", rel, bytes.TrimSpace(text))
		}
	}
	return nil
}

// legalFiles returns the licence files of a tree, or of its top only.
func legalFiles(dir string, top bool) (found []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && (top || d.Name() == "testdata"):
			return fs.SkipDir
		case d.Type().IsRegular() && legal.MatchString(d.Name()) && !strings.HasSuffix(d.Name(), ".go"):
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

// directories returns where the sources of the modules are.
func directories() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-m", "-json", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	dirs := map[string]string{"std": strings.TrimSpace(string(root))}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir string }
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return dirs, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		dirs[m.Path] = m.Dir
	}
}
