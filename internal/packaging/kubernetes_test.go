package packaging

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"dispatcher/config"
)

const manifests = "deploy/kubernetes"

// decode reads a manifest as the API server does: an unknown field is an error.
func decode[T any](t *testing.T, name string) T {
	t.Helper()
	var object T
	if err := yaml.UnmarshalStrict(read(t, filepath.Join(manifests, name)), &object); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return object
}

func TestKubernetesReadsEveryManifest(t *testing.T) {
	t.Parallel()
	settings := decode[corev1.ConfigMap](t, "settings.yaml")
	secret := decode[corev1.Secret](t, "secret.example.yaml")
	service := decode[corev1.Service](t, "service.yaml")
	disruption := decode[policyv1.PodDisruptionBudget](t, "disruption.yaml")
	set := decode[appsv1.StatefulSet](t, "statefulset.yaml")

	labels := set.Spec.Template.Labels
	for name, selector := range map[string]map[string]string{
		"set": set.Spec.Selector.MatchLabels, "service": service.Spec.Selector, "disruption budget": disruption.Spec.Selector.MatchLabels,
	} {
		for key, value := range selector {
			if labels[key] != value {
				t.Errorf("the %s does not select the pods", name)
			}
		}
	}
	pod := set.Spec.Template.Spec
	if pod.Containers[0].EnvFrom[0].ConfigMapRef.Name != settings.Name || pod.Volumes[0].Secret.SecretName != secret.Name || set.Spec.ServiceName != service.Name {
		t.Error("the set names a config map, secret or service that is not there")
	}
	known := map[string]bool{}
	for _, s := range config.Settings() {
		for _, name := range s.Env {
			known[name], known[name+"_FILE"] = true, s.Secret
		}
	}
	for name := range settings.Data {
		if !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	for _, e := range pod.Containers[0].Env {
		if !known[e.Name] {
			t.Errorf("%s is no setting", e.Name)
		}
	}
}

func TestTheSetHasAStandbyItsOwnDataAndProbes(t *testing.T) {
	t.Parallel()
	set := decode[appsv1.StatefulSet](t, "statefulset.yaml")
	pod, c := set.Spec.Template.Spec, set.Spec.Template.Spec.Containers[0]
	if *set.Spec.Replicas != 2 || set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
		t.Error("there is no standby, or it waits for the active one")
	}
	if len(set.Spec.VolumeClaimTemplates) != 1 || set.Spec.VolumeClaimTemplates[0].Name != c.VolumeMounts[0].Name || c.VolumeMounts[0].MountPath != "/data" {
		t.Error("the processes do not have a data directory each")
	}
	if *pod.TerminationGracePeriodSeconds < 40 {
		t.Error("running jobs are cut off")
	}
	s := c.SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || s.Capabilities.Drop[0] != "ALL" {
		t.Error("it is not hardened")
	}
	if c.StartupProbe.HTTPGet.Path != "/healthz" || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Error("an outage must make it unready, never restart it")
	}
}

func TestKustomizeBuildsTheManifests(t *testing.T) {
	t.Parallel()
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl")
	}
	out, err := exec.Command(kubectl, "kustomize", filepath.Join(root, manifests)).CombinedOutput()
	if err != nil || strings.Count(string(out), "\nkind: ") != 4 || strings.Contains(string(out), "kind: Secret\n") {
		t.Errorf("%v: %s", err, out)
	}
}
