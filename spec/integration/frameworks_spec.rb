# frozen_string_literal: true

require "net/http"
require "spec_helper"
require "support/free_ports"
require "support/mock_cluster"
require "support/terminal"

# The examples for those who do not use Rails, run as their READMEs say.
RSpec.describe "examples without Rails" do
  include MockCluster

  after do
    terminal.close
    close_cluster
  end

  let(:lib) { File.expand_path("../../lib", __dir__) }
  let(:port) { FreePorts.take.first }
  let(:terminal) do
    Terminal.new(File.expand_path("../../examples/#{example}", __dir__),
                 "KAFKA_BROKERS" => broker.bootstrap_servers, "PORT" => port.to_s, "KARAFKA_LOG_LEVEL" => "info", "RUBYLIB" => lib)
  end

  context "with sinatra" do
    let(:example) { "sinatra" }

    before do
      missing = %w[sinatra puma].reject { |name| Gem::Specification.find_all_by_name(name).any? }
      skip "#{missing.join(" and ")} is not installed (apt-get install ruby-sinatra puma)" if missing.any?
      broker.create_topic("visits", 2)
    end

    def visit = Net::HTTP.get("127.0.0.1", "/pages/home", port)

    it "sends from requests and consumes in the same Puma, and ends clean", deadline: 240 do
      web = terminal.start("puma -C puma.rb")
      terminal.wait_for_log(web, /Use Ctrl-C to stop/)
      expect(visit).to eq("home was visited 0 times before\n"), web.log
      wait_until("the first visit to be consumed", seconds: Wait::LONG * 2) { visit[/\d+/].to_i.positive? }
      terminal.stop(web)
      expect(web.log).to match(/Goodbye!/)
      wait_until("the commits") { [0, 1].sum { |partition| committed("app", "visits", partition).to_i }.positive? }
    end
  end

  context "with plain Ruby" do
    let(:example) { "plain" }

    it "sends the lines of a file, and prints them in another process until Ctrl-C", deadline: 240 do
      broker.create_topic("lines", 1)
      reader = terminal.start("ruby tail.rb lines")
      terminal.run("printf 'one\\ntwo\\n' | ruby import.rb lines")
      terminal.wait_for_log(reader, /^one\ntwo$/)
      expect(terminal.stop(reader).exitstatus).to eq(0)
      wait_until("the commit") { committed("app", "lines", 0) == 2 }
    end

    it "says that lines were not delivered, and fails" do
      broker.create_topic("lines", 1)
      expect(terminal.run("yes | head -c 3000000 | tr -d '\\n' | ruby import.rb lines", fails: true)).to match(/too large|bytes/)
    end
  end
end
