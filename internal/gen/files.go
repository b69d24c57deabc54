package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"sigs.k8s.io/yaml"

	"dispatcher/internal/cli"
	"dispatcher/internal/schema"
)

// generated returns the files by their path in the repository. Of the README
// only the table of settings is ours.
func generated(root string) (map[string][]byte, error) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if files["README.md"], err = withSettings(readme); err != nil {
		return nil, err
	}
	if files["docs/asyncapi.yaml"], err = asyncapi(); err != nil {
		return nil, err
	}
	files["deploy/man/dispatcher.1"] = md2man.Render(cli.Manual())
	for shell, name := range map[string]string{"bash": "dispatcher", "zsh": "_dispatcher", "fish": "dispatcher.fish"} {
		if files["deploy/completions/"+shell+"/"+name], err = completion(shell); err != nil {
			return nil, err
		}
	}
	examples, err := composeExamples()
	maps.Copy(files, examples)
	return files, err
}

func asyncapi() ([]byte, error) {
	text, err := json.Marshal(schema.AsyncAPI())
	if err != nil {
		return nil, err
	}
	body, err := yaml.JSONToYAML(text)
	return append([]byte("# Made from the code by `make generate`.\n"), body...), err
}

// completion returns what `dispatcher completion` prints.
func completion(shell string) ([]byte, error) {
	var out, errs bytes.Buffer
	args := []string{"dispatcher", "completion", shell}
	if code := cli.Main(args, cli.Env{Stdout: &out, Stderr: &errs, Stdin: &bytes.Buffer{}, Getenv: func(string) string { return "" }}); code != 0 {
		return nil, fmt.Errorf("completion %s: %s", shell, errs.String())
	}
	return out.Bytes(), nil
}
