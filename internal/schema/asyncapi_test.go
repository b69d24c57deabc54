package schema

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// asyncapi returns the validator of AsyncAPI 3.0 documents: npm package
// @asyncapi/specs 6.11.1, schemas/3.0.0-without-$id.json (Apache-2.0).
func asyncapi(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile("testdata/asyncapi-3.0.0.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheTopicsAreDescribedAsAsyncAPIWantsIt(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("../../docs/asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.YAMLToJSON(written)
	if err != nil {
		t.Fatal(err)
	}
	valid := asyncapi(t)
	if err := valid.Validate(parse(t, string(text))); err != nil {
		t.Error(err)
	}
	broken := AsyncAPI()
	broken["operations"].(Document)["carryOut"].(Document)["action"] = "eat"
	if valid.Validate(parsed(t, broken)) == nil {
		t.Error("it takes everything")
	}
}

// AsyncAPI takes schemas for draft 7: each must mean the same there.
func TestTheSchemasMeanTheSameInDraft7(t *testing.T) {
	t.Parallel()
	for name, m := range AsyncAPI()["components"].(Document)["messages"].(Document) {
		payload := m.(Document)["payload"].(Document)
		if payload["$schema"] != nil {
			t.Fatalf("%s names another draft", name)
		}
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft7)
		c.AssertFormat()
		if err := c.AddResource("payload.json", parsed(t, payload)); err != nil {
			t.Fatal(err)
		}
		old, err := c.Compile("payload.json")
		if err != nil {
			t.Fatal(err)
		}
		now := compiled(t, name)
		for _, row := range table {
			value := parse(t, strings.TrimPrefix(row, "!"))
			was, is := old.Validate(value), now.Validate(value)
			if (was == nil) != (is == nil) {
				t.Errorf("%s in draft 7: %v, in 2020-12: %v", row, was, is)
			}
		}
	}
}

func TestEveryChannelCarriesMessagesThatAreDescribed(t *testing.T) {
	t.Parallel()
	d := AsyncAPI()
	messages, carried := d["components"].(Document)["messages"].(Document), 0
	for _, c := range d["channels"].(Document) {
		carried += len(c.(Document)["messages"].(Document))
	}
	if carried != len(Names()) || len(messages) != carried {
		t.Errorf("%d messages on the channels, %d described, %d there are", carried, len(messages), len(Names()))
	}
}
