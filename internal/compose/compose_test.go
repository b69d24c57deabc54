package compose

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads the files as Docker Compose does: schema, interpolation and all.
func load(f *Files) (*types.Project, error) {
	env, err := dotenv.UnmarshalBytesWithLookup(f.Env, nil)
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: "/srv/ciso", ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: f.Compose}}, Environment: env,
	}, func(o *loader.Options) { o.SetProjectName("ciso", true) })
}

func TestEveryCombinationOfAnswersIsAProjectThatComposeLoads(t *testing.T) {
	t.Parallel()
	pem := pemFile(t)
	platform, dispatcher := platformDimensions(pem), dispatcherDimensions(pem)
	without := []variant{{"without dispatcher", func(a *Answers) { a.WithoutDispatcher = true }}}
	// What the dispatcher is asked and what CISO Assistant is asked share nothing
	// but the network: all of each, with the proxy that has none and the one that has.
	for name, dimensions := range map[string][][]variant{
		"platform":   append(slices.Clone(platform), []variant{{"with dispatcher", func(*Answers) {}}, without[0]}),
		"dispatcher": append(slices.Clone(dispatcher), []variant{platform[1][0], platform[1][2]}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			combinations(dimensions, func(name string, a *Answers) {
				if n++; n%stride == 0 {
					checkCombination(t, name, a)
				}
			})
			t.Logf("%d combinations, %d of them loaded", n, n/stride)
		})
	}
}

func checkCombination(t *testing.T, name string, a *Answers) {
	t.Helper()
	if err := a.Check(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	files, err := a.Render(nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	project, err := load(files)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, files.Compose)
	}
	want := wantedServices(a)
	if got := slices.Sorted(maps.Keys(project.Services)); !slices.Equal(got, want) {
		t.Fatalf("%s: services %q, want %q", name, got, want)
	}
	for _, q := range Questions() {
		secret := q.Secret && a.used(q.Env)
		if secret && len(*q.Text(a)) > 5 && *q.Text(a) != hostile && bytes.Contains(files.Compose, []byte(*q.Text(a))) {
			t.Fatalf("%s: %s is in the YAML", name, q.Env)
		}
	}
	checkEnvironment(t, name, a, project)
}

func wantedServices(a *Answers) (names []string) {
	names = []string{"backend", "db-rights", "frontend", "huey"}
	add := func(when bool, more ...string) {
		if when {
			names = append(names, more...)
		}
	}
	add(a.Postgres(), "postgres")
	add(a.Bunkerweb(), "bunkerweb", "bw-db", "bw-scheduler")
	add(!a.Bunkerweb(), a.Proxy)
	add(a.Bunkerweb() && a.ProxyUI, "bw-ui")
	add(a.Dispatcher(), "dispatcher")
	add(a.OwnKafka(), "kafka", "kafka-topics")
	add(a.OwnS3(), "s3")
	slices.Sort(names)
	return names
}

// checkEnvironment compares what the services are given with the answers.
func checkEnvironment(t *testing.T, name string, a *Answers, p *types.Project) {
	t.Helper()
	want := map[string]string{}
	if a.Dispatcher() {
		want["USER_TOKEN"], want["USER_EMAIL"], want["USER_PASSWORD"] = a.Token, a.Email, a.Password
		want["RESULTS_TOPIC"] = a.ResultsTopic
		want["KAFKA_USERNAME"], want["KAFKA_PASSWORD"] = a.KafkaUser, a.KafkaPassword
		if a.SASL() {
			want["KAFKA_SASL_MECHANISM"] = a.KafkaMechanism
		}
		want["S3_URL"], want["S3_ACCESS_KEY"], want["S3_SECRET_KEY"] = a.S3Address(), a.S3AccessKey, a.S3SecretKey
		compareEnvironment(t, name, p.Services["dispatcher"], want)
	}
	if made := p.Services["kafka-topics"].Command; a.OwnKafka() && !slices.Equal(made, a.Topics()) {
		t.Fatalf("%s: the topics %q are made, not %q", name, made, a.Topics())
	}
	want = map[string]string{"POSTGRES_PASSWORD": a.DatabasePassword, "EMAIL_HOST_PASSWORD": a.MailPassword, "EMAIL_HOST_USER": a.MailUser}
	compareEnvironment(t, name, p.Services["backend"], want)
	compareEnvironment(t, name, p.Services["huey"], want)
}

func compareEnvironment(t *testing.T, name string, s types.ServiceConfig, want map[string]string) {
	t.Helper()
	for key, value := range want {
		got := ""
		if v := s.Environment[key]; v != nil {
			got = *v
		}
		if got != value {
			t.Fatalf("%s: %s of %s is %q, want %q", name, key, s.Name, got, value)
		}
	}
}

func TestTheDispatcherIsHardenedHealthCheckedAndKeepsItsData(t *testing.T) {
	t.Parallel()
	files, err := Defaults().Render(nil)
	if err != nil {
		t.Fatal(err)
	}
	project, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	d, backend := project.Services["dispatcher"], project.Services["backend"]
	if !d.ReadOnly || !slices.Equal(d.CapDrop, []string{"ALL"}) || !slices.Equal(d.SecurityOpt, backend.SecurityOpt) ||
		!slices.Equal(d.Tmpfs, backend.Tmpfs) || d.User != "65532:65532" || d.Restart != "always" {
		t.Errorf("hardening: %+v", d)
	}
	if d.HealthCheck == nil || !slices.Equal(d.HealthCheck.Test, []string{"CMD", "/usr/local/bin/dispatcher", "health"}) {
		t.Errorf("health check: %+v", d.HealthCheck)
	}
	if d.StopGracePeriod == nil || time.Duration(*d.StopGracePeriod) != 40*time.Second {
		t.Errorf("grace period: %v", d.StopGracePeriod)
	}
	if len(d.Volumes) != 1 || d.Volumes[0].Target != "/data" || d.Volumes[0].Type != "volume" || !strings.HasPrefix(*d.Environment["DATA_DIR"], "/data/") {
		t.Errorf("volumes: %+v", d.Volumes)
	}
	for _, other := range []string{"backend", "kafka-topics"} {
		if _, ok := d.DependsOn[other]; !ok {
			t.Errorf("it does not wait for %s", other)
		}
	}
	if *backend.Environment["ALLOWED_HOSTS"] != "backend,localhost" {
		t.Error("the API does not answer to the name by which it is called")
	}
}

func TestTheNextStepsNameTheTokenAndTheTopics(t *testing.T) {
	t.Parallel()
	files, err := Defaults().Render(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"docker compose up -d", "createsuperuser", "personal access token", "USER_TOKEN", "https://localhost:8443", "observation"} {
		if !strings.Contains(files.Steps, text) {
			t.Errorf("the steps do not say %q:\n%s", text, files.Steps)
		}
	}
}

func TestTheExamplesInTheDocumentsAreProjects(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]string{"laptop": "kafka", "production": "postgres"} {
		var f Files
		for file, content := range map[string]*[]byte{"docker-compose.yml": &f.Compose, "env.example": &f.Env} {
			var err error
			if *content, err = os.ReadFile(filepath.Join("../../docs/examples/compose", name, file)); err != nil {
				t.Fatal(err)
			}
		}
		project, err := load(&f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := project.Services[service]; !ok || project.Services["dispatcher"].Image == "" {
			t.Errorf("%s has no %s, or no dispatcher", name, service)
		}
	}
}
