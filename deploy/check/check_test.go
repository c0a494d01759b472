// Package check_test holds the manifest for Kubernetes against Kubernetes' own
// types, strictly: a field that does not exist, stands twice or has the wrong
// type is an error. It is a module of its own, so that sori's go.mod stays free
// of Kubernetes.
package check_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
)

const manifest = "../kubernetes/sori.yaml"

// objects reads the manifest.
func objects(t *testing.T, text []byte) ([]runtime.Object, error) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	var all []runtime.Object
	for part := range bytes.SplitSeq(text, []byte("\n---\n")) {
		o, _, err := decoder.Decode(part, nil, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func read(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestManifestIsWhatKubernetesKnows(t *testing.T) {
	t.Parallel()
	all, err := objects(t, read(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 6 {
		t.Errorf("%d objects, want 6", len(all))
	}
}

// The check can fail: each of these is a manifest that Kubernetes refuses.
func TestStrictDecodingFindsMistakes(t *testing.T) {
	t.Parallel()
	text := string(read(t))
	for name, wrong := range map[string]string{
		"unknown field": strings.Replace(text, "readinessProbe:", "readynessProbe:", 1),
		"wrong type":    strings.Replace(text, "replicas: 2", "replicas: two", 1),
		"unknown kind":  strings.Replace(text, "kind: Deployment", "kind: Deployments", 1),
		"field twice":   strings.Replace(text, "replicas: 2", "replicas: 2\n  replicas: 3", 1),
	} {
		if _, err := objects(t, []byte(wrong)); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// What has to agree does: names, labels, ports, and the times of an orderly end.
func TestPartsAgree(t *testing.T) {
	t.Parallel()
	all, err := objects(t, read(t))
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.PodTemplateSpec
	var deployment string
	for _, o := range all {
		if d, ok := o.(*appsv1.Deployment); ok {
			pod, deployment = d.Spec.Template, d.Name
			if !matches(d.Spec.Selector.MatchLabels, pod.Labels) {
				t.Error("the deployment does not select its own pods")
			}
		}
	}
	if deployment == "" {
		t.Fatal("no deployment")
	}
	main := pod.Spec.Containers[0]
	for _, o := range all {
		switch o := o.(type) {
		case *corev1.Service:
			if !matches(o.Spec.Selector, pod.Labels) {
				t.Error("the service selects other pods")
			}
			if got, want := o.Spec.Ports[0].TargetPort.StrVal, main.Ports[0].Name; got != want {
				t.Errorf("the service's port is %q, the container's %q", got, want)
			}
		case *policyv1.PodDisruptionBudget:
			if !matches(o.Spec.Selector.MatchLabels, pod.Labels) {
				t.Error("the disruption budget is for other pods")
			}
		case *autoscalingv2.HorizontalPodAutoscaler:
			if o.Spec.ScaleTargetRef.Name != deployment {
				t.Errorf("the autoscaler scales %q", o.Spec.ScaleTargetRef.Name)
			}
		}
	}
	if main.ReadinessProbe.HTTPGet.Path != "/readyz" || main.LivenessProbe.HTTPGet.Path != "/healthz" {
		t.Error("readiness is /readyz, liveness /healthz")
	}
	if grace, sleep := *pod.Spec.TerminationGracePeriodSeconds, main.Lifecycle.PreStop.Sleep.Seconds; grace < sleep+60 {
		t.Errorf("%d s of grace leave less than a minute to drain after the preStop of %d s", grace, sleep)
	}
}

func matches(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}
