# frozen_string_literal: true

require "open3"
require "tmpdir"
require "yaml"

# The files of docs/deployment.md: the page shows them as they are, and who reads them finds no mistake.
RSpec.describe "examples/deploy" do
  root = File.expand_path("../..", __dir__)
  directory = File.join(root, "examples/deploy")
  page = File.read(File.join(root, "docs/deployment.md"))

  # The default of `shutdown_timeout`, and what the end takes beyond it.
  let(:longest_stop) { (Karafka::App.config.shutdown_timeout / 1_000) + 10 }

  def read(name) = File.read(File.join(directory, name))

  define_method(:directory) { directory }

  Dir.children(directory).sort.each do |name|
    it "has #{name} as the page shows it" do
      expect(page).to include("\n#{read(name)}```\n")
    end
  end

  it "has a unit that systemd takes, and that stops slowly enough" do
    skip "systemd-analyze is not installed" unless system("command -v systemd-analyze > /dev/null")
    Dir.mktmpdir do |dir|
      # The program and the directory of this machine, which systemd looks at.
      unit = read("orders.service").sub("/usr/bin/bundle", "/bin/true").sub("/srv/orders/current", "/tmp").sub("User=orders", "User=daemon")
      File.write(File.join(dir, "orders.service"), unit)
      output, status = Open3.capture2e("systemd-analyze", "verify", "--man=no", File.join(dir, "orders.service"))
      expect([output.lines.grep(/orders\.service/), status.exitstatus]).to eq([[], 0]), output
    end
    expect(read("orders.service")[/TimeoutStopSec=(\d+)/, 1].to_i).to be >= longest_stop
  end

  it "has manifests that can be parsed, with time for the stop" do
    pod = YAML.safe_load(read("kubernetes.yml")).dig("spec", "template", "spec")
    expect(pod.fetch("terminationGracePeriodSeconds")).to be >= longest_stop
    container = pod.fetch("containers").first
    expect(container.fetch("args")).to eq(%w[bundle exec karafka server])
    probes = %w[livenessProbe readinessProbe].map { |name| container.dig(name, "httpGet").values_at("path", "port") }
    port = page[/config\.http\.port = (\d+)/, 1].to_i
    expect(probes).to eq([["/livez", port], ["/readyz", port]])
    kamal = YAML.safe_load(read("kamal.yml"))
    expect(kamal.fetch("drain_timeout")).to be >= longest_stop
    expect(kamal.dig("servers", "consumer", "cmd")).to eq("bundle exec karafka server")
  end

  it "has a Dockerfile whose server gets the signals, not a shell" do
    command = read("Dockerfile").lines.last
    expect(JSON.parse(command.delete_prefix("CMD "))).to eq(%w[bundle exec karafka server])
  end

  it "has processes for a Procfile" do
    expect(read("Procfile").lines).to all(match(/\A[a-z]+: bundle exec \S+/))
  end
end
