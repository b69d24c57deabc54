package compose

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

func TestASecretIsReadBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "plain", hostile, `'`, `''`, `\`, `\'`, `\\'`, `"`, `"\"`, `$`, `'$$X`, "a b ", `#`, `'#`, "é'ß", `\n'`, `'\t`} {
		line := []byte("X=" + quoteEnv(secret) + "\n")
		got, err := dotenv.UnmarshalBytesWithLookup(line, nil)
		if err != nil || got["X"] != secret {
			t.Errorf("compose reads %s as %q, not %q: %v", line, got["X"], secret, err)
		}
		if got := parseEnv(line)["X"]; got != secret {
			t.Errorf("we read %s as %q, not %q", line, got, secret)
		}
	}
}

func TestSecretsOfAnEarlierFileStay(t *testing.T) {
	t.Parallel()
	first := Defaults()
	first.Database, first.Token = "postgresql", "tok'en"
	files, err := first.Render([]byte("OTHERS=kept\n# a note\n"))
	if err != nil {
		t.Fatal(err)
	}
	second := Defaults()
	second.Database = "postgresql"
	again, err := second.Render(files.Env)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Env) != string(files.Env) || second.Token != "tok'en" || second.DatabasePassword == "" {
		t.Errorf("they changed:\n%s\n%s", files.Env, again.Env)
	}
	if !strings.Contains(string(again.Env), "OTHERS=kept") {
		t.Errorf("a variable of others is gone:\n%s", again.Env)
	}
}
