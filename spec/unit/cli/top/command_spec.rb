# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"
require "support/command_in_process"
require "support/json_schema"
require "support/process_states"
require "support/state_server"
require "tmpdir"

RSpec.describe Karafka::Cli::TopCommand do
  include_context "with commands in this process"

  # Not included: an application has topics and partitions, too.
  let(:states) { ProcessStates }

  quick = %w[--interval 0.01].freeze

  before { ENV.delete("KARAFKA_HTTP_TOKEN") }

  after { @servers&.each(&:close) }

  def serve(answer, **options)
    StateServer.new(answer, **options).tap { |server| (@servers ||= []) << server }
  end

  def healthy(**others) = states.state(topics: [states.topic], **others)

  def stuck
    partition = states.partition(17, leases: [states.lease(372_000)])
    states.state(topics: [states.topic("orders", [partition])], workers: [states.busy_worker(3)])
  end

  # A port where nobody listens, for as long as this holds it.
  def nobody
    socket = Socket.new(:INET, :STREAM)
    socket.bind(Addrinfo.tcp("127.0.0.1", 0))
    (@servers ||= []) << socket
    "127.0.0.1:#{socket.local_address.ip_port}"
  end

  it "prints once what is the matter, and says it by its exit status" do
    status, out, err = run("status", serve(healthy).address, *quick)
    expect([status, err, out.lines.first]).to eq([0, "", "karafka: no problem, 1 of 1 process answers, memory 70 MB\n"])
    status, out, = run("top", "--once", serve(stuck).address, *quick)
    expect(status).to eq(2)
    expect(out).to include("PROBLEM   orders/17 stuck 6 m 12 s: OrdersConsumer at app/consumers/orders_consumer.rb:31 on worker 3\n")
    expect(run("status", serve(stuck).address, *quick, "--stuck", "600")[0]).to eq(0)
  end

  it "says which process does not answer, and why; a problem counts more" do
    gone = nobody
    status, out, = run("status", gone, *quick)
    expect(status).to eq(3)
    expect(out).to include("NO ANSWER #{gone} does not answer: nobody listens there\n          -> none runs, or it began before")
    expect(run("status", gone, serve(healthy).address, *quick)[0]).to eq(3)
    status, out, = run("status", gone, serve(stuck).address, *quick)
    expect(status).to eq(2)
    expect(out.lines.grep(/\A[PN]/).map { |line| line[/\A\S+/] }).to eq(%w[PROBLEM NO])
  end

  it "prints the states themselves as JSON, a line each, as the schema describes them" do
    schema = JSON.parse(File.read(File.expand_path("../../../../docs/state.schema.json", __dir__)))
    given = [healthy(process: { pid: 1 }), stuck]
    servers = given.map { |state| serve(state) }
    status, out, err = run("top", "--once", "--json", *servers.map(&:address), *quick)
    printed = out.lines.map { |line| JSON.parse(line) }
    expect([status, printed, err]).to eq([2, given, ""])
    expect(printed.flat_map { |state| JsonSchema.findings(state, schema) }).to eq([])
  end

  it "judges a window: what was so for a moment is no problem" do
    troubled = healthy(client: { trouble: "all brokers are down" })
    both = [healthy, healthy(client: { trouble: "all brokers are down" }, **states.later(2))]
    server = serve(-> { both.shift })
    status, out, = run("status", server.address, *quick)
    expect([status, server.requests.size]).to eq([0, 2])
    expect(out).to include("warning   shop (shop_0) reaches no broker").and match(/^shop +trouble\? /)
    status, out, = run("status", serve(troubled).address, *quick)
    expect([status, out]).to match([2, /^shop +trouble /])
  end

  it "asks a process once, however often and in whatever form it is named" do
    port = serve(healthy).port
    expect(run("status", port.to_s, ":#{port}", "http://127.0.0.1:#{port}/", *quick)).to match([0, /1 of 1 process answers/, ""])
  end

  it "sends the token of the environment, and names it where it is missing" do
    server = serve([401, "{}"])
    status, out, = run("status", server.address, *quick)
    expect([status, out]).to match([3, /it wants a token\n.*-> set KARAFKA_HTTP_TOKEN to its config.http.token/])
    ENV["KARAFKA_HTTP_TOKEN"] = "token-of-spec"
    run("status", server.address, *quick)
    expect(server.requests.first).not_to match(/authorization/i)
    expect(server.requests.last).to match(/^Authorization: Bearer token-of-spec\r$/)
  end

  it "goes around the proxies of the environment" do
    ENV["http_proxy"] = "http://#{nobody}"
    # Ruby takes no proxy for 127.0.0.1 anyhow; this is the same machine by another name.
    expect(run("status", "http://0.0.0.0:#{serve(healthy).port}", *quick)).to match([0, /1 of 1 process answers/, ""])
  end

  it "ends in time where the answer does not come, and takes no other program's answer" do
    source = Karafka::Cli::Top::Source.new(Karafka::Cli::Top::Address.new(url: "http://#{serve(:hang).address}"), patience: 0.1)
    expect { source.read }.to raise_error(Karafka::Errors::CommandError, /no answer within 0.1 s; it is stopped \(SIGSTOP\)/)
    [[200, "<html>"], [200, "{}"], [404, "no"], [200, "[1]"]].each do |answer|
      expect(run("status", serve(answer).address, *quick)).to match([3, /no process of karafka-rs/, ""])
    end
    expect(run("status", serve([403, "where other machines can ask"]).address, *quick)).to match([3, /403: where other machines/, ""])
  end

  it "takes no state that has another version, or is none, and judges the other processes all the same" do
    whole = JSON.parse(JSON.generate(healthy))
    [whole.except("groups"), whole.merge("workers" => nil), whole.merge("process" => {})].each do |state|
      out = run("status", serve(state).address, serve(healthy).address, *quick)
      expect(out).to match([3, /1 of 2 processes answer.*no process of karafka-rs/m, ""])
    end
    expect(run("status", serve(healthy.merge(schema_version: 2)).address, *quick))
      .to match([3, /its state has version 2, and this command reads version 1\n +-> use the command of that version/, ""])
  end

  it "asks at sockets, also at those of the nodes of a swarm" do
    Dir.mktmpdir do |dir|
      path = "#{dir}/http.sock"
      expect(run("status", path, *quick)).to match([3, /http.sock does not answer: there is no such socket/, ""])
      2.times { |node| serve(healthy(process: { node: node.to_s, pid: node }), path: "#{path}.#{node}") }
      status, out, = run("status", path, *quick)
      expect([status, out.lines.first]).to match([0, /2 of 2 processes answer/])
    end
  end

  it "asks the application's own processes without arguments, with its token" do
    server = serve(healthy)
    boot_file("topic(:orders) { consumer OrdersConsumer }", <<~RUBY)
      config.http.port = #{server.port}
      config.http.token = "token-of-spec"
    RUBY
    status, out, = run("status", *quick)
    expect([status, out.lines.first]).to match([0, /1 of 1 process answers/])
    expect(server.requests.last).to include("Bearer token-of-spec")
  end

  it "asks for all nodes where one of them answers, and reports one that is missing" do
    server = serve(healthy(process: { node: "0" }))
    boot_file("topic(:orders) { consumer OrdersConsumer }", "config.http.port = #{server.port}; config.swarm.nodes = 2")
    expect(run("status", *quick)).to match([3, /1 of 2 processes answer.*127.0.0.1:#{server.port + 1} does not answer/m, ""])
  end

  it "says what to do where nobody can know the process" do
    expect(run("status")).to match([1, "", /which process\? Name its URL or socket, or set config.http.port/])
    boot_file("topic(:orders) { consumer OrdersConsumer }", "config.http.port = 0")
    expect(run("status")).to match([1, "", /config.http.port is 0, so each process has another port: name the URL in its log/])
    expect(run("top", "127.0.0.1:1")).to match([1, "", /needs a terminal: use `karafka top --once`, or `karafka status`/])
    ["http://a:b@host:1", "host:99999", ":0", "host", "ftp://host:1", "http://host:1/v1", "ho st:1"].each do |given|
      expect(run("status", given)).to match([1, "", /must be http:.*KARAFKA_HTTP_TOKEN/])
    end
    expect(run("status", "127.0.0.1:1", "--interval", "0")).to match([1, "", /--interval is 0: it must be more than 0 seconds/])
  end
end
