# frozen_string_literal: true

require "spec_helper"
require "karafka/active_job"
require "open3"
require "support/mock_cluster"
require "support/rails_app"

RSpec.describe "jobs of Active Job" do
  include MockCluster

  delays = %w[1s 10s 1m 10m 1h].map { |suffix| "active_job_delays_#{suffix}" }

  before do
    %w[default dead charges charges.dead].concat(delays).each { |topic| broker.create_topic(topic, 1) }
    @level = ActiveJob::Base.logger
    ActiveJob::Base.logger = Logger.new(nil)
  end

  after do
    @server&.close
    Karafka::Embedded.stop
    Karafka.producer&.close
    ActiveJob::Base.logger = @level
    close_cluster
  end

  let(:done) { Queue.new }

  # @return [Class] a job that calls the block
  def job_class(name = "SomeJob", &)
    klass = Class.new(ActiveJob::Base) do
      self.queue_adapter = :karafka
      define_method(:perform, &)
    end
    stub_const(name, klass)
  end

  def start(&)
    application(&)
    Karafka::Embedded.start
  end

  def next_done = wait_until("a job") { !done.empty? && done.pop }

  it "are enqueued by one process and performed by another, as the example has it" do
    example = File.join(ServerProcess::ROOT, "examples/jobs")
    env = { "KAFKA_BROKERS" => broker.bootstrap_servers }
    @server = ServerProcess.new(example, env).start
    output, status = Open3.capture2e(env, RbConfig.ruby, "-I#{ServerProcess::ROOT}/lib", "enqueue.rb", chdir: example)
    expect([status.success?, output]).to eq([true, output]), output
    lines = @server.wait_for_output(seconds: 90) { |found| found if found.size >= 8 }
    wait_until("the job that is discarded, and the dead letter") { committed("app", "default") && sent_to("charges.dead") == 1 }
    @server.signal(:TERM)
    expect(@server.wait).to eq(0)
    %w[ann bob].each do |customer|
      expect(lines.grep(/charged #{customer}/)).to eq(Array.new(3) { |index| "charged #{customer} #{100 + index}" })
    end
    expect(lines.grep(/reminded/)).to contain_exactly("reminded ann in attempt 2", "reminded bob in attempt 2")
  end

  it "are performed in a Rails application whose configuration names the adapter", skip: RailsApp.missing do
    app = RailsApp.new(broker.bootstrap_servers, routes: "active_job_topic :default")
    config = File.read(File.join(app.dir, "config/application.rb"))
    config.sub!('require "karafka"', "require \"active_job/railtie\"\nrequire \"karafka\"")
    app.write("config/application.rb", config.sub("config.eager_load", "config.active_job.queue_adapter = :karafka\n  config.eager_load"))
    app.write("app/jobs/greet_job.rb", <<~RUBY)
      class GreetJob < ActiveJob::Base
        def perform(name, again: true)
          File.write(ENV.fetch("APP_OUTPUT"), "\#{name} \#{Current.user.inspect}\\n", mode: "a")
          Current.user = name
          GreetJob.perform_later("again", again: false) if again
        end
      end
    RUBY
    # As with Bundler: Rails can be loaded, and is so only by the application, after the gem.
    app.write("bundle.rb", "gem \"railties\"")
    @server = app.server("RUBYOPT" => "-r#{app.dir}/bundle.rb").start
    produce("default", [JSON.generate({ "job_class" => "GreetJob", "job_id" => "1", "queue_name" => "default", "arguments" => ["ann"],
                                        "executions" => 0, "exception_executions" => {}, "locale" => "en" })])
    lines = @server.wait_for_output(seconds: 90) { |found| found if found.size == 2 }
    @server.signal(:TERM)
    expect([@server.wait, lines]).to eq([0, ["ann nil", "again nil"]])
  ensure
    app&.close
  end

  it "leave for the dead letter queue after their attempts, and the next one is performed" do
    done = self.done
    job_class do |what|
      done << what
      raise "no" if what == "bad"
    end
    start do
      active_job_topic(:default) { dead_letter_queue topic: "dead", max_retries: 1 }
    end
    %w[bad good].each { |what| SomeJob.perform_later(what) }
    expect(Array.new(3) { next_done }).to eq(%w[bad bad good])
    wait_until("the commit") { committed("app", "default") == 2 }
    expect(sent_to("dead")).to eq(1)
  end

  it "run at once with `parallel`, those of one key in order" do
    done = self.done
    gate = Queue.new
    job_class do |key, number|
      gate.pop if [key, number] == ["slow", 0]
      done << [key, number]
    end
    SomeJob.karafka_options partitioner: ->(job) { job.arguments.first }
    start { active_job_topic(:default) { parallel by: :key, limit: 2 } }
    2.times { |number| %w[slow quick].each { |key| SomeJob.perform_later(key, number) } }
    expect(Array.new(2) { next_done }).to eq([["quick", 0], ["quick", 1]])
    gate << :go
    expect(Array.new(2) { next_done }).to eq([["slow", 0], ["slow", 1]])
  end

  it "that are left of a batch are not performed when the process stops, and not counted as processed" do
    done = self.done
    gate = Queue.new
    job_class { |number| (done << number) && gate.pop }
    # All of them are in Kafka before the first batch.
    SomeJob.karafka_options dispatch_many_method: :produce_many_sync
    application { active_job_topic(:default) { max_messages 10 } }
    Karafka::ActiveJob::Dispatch.many(Array.new(5) { |number| SomeJob.new(number) })
    Karafka::Embedded.start
    next_done
    stopper = Thread.new { Karafka::Embedded.stop }
    wait_until("the stop") { Karafka::App.done? }
    5.times { gate << :go }
    stopper.join
    performed = done.size + 1
    expect(performed).to be < 5
    expect(committed("app", "default")).to eq(performed)
  end

  it "are announced, each before and after" do
    done = self.done
    job_class { |number| done << number }
    events = Queue.new
    start { active_job_topic(:default) }
    %w[active_job.consume active_job.consumed].each { |name| Karafka.monitor.subscribe(name) { |event| events << [name, event] } }
    SomeJob.perform_later(7)
    found = wait_until("both") { events.size == 2 && Array.new(2) { events.pop } }
    expect(found.map { |name, event| [name, event[:job]["arguments"], event[:message].offset, event[:caller].class] })
      .to eq(%w[active_job.consume active_job.consumed].map { |name| [name, [7], 0, Karafka::ActiveJob::Consumer] })
    expect(found.last.last[:time]).to be >= 0
  end

  it "wait in a topic of delays, without a message that is no job holding them up" do
    done = self.done
    job_class { |_| done << Process.clock_gettime(Process::CLOCK_REALTIME) }
    start do
      active_job_topic(:default)
      active_job_delays
    end
    produce("active_job_delays_1s", ["not a job"])
    due = Time.now.to_f + 1.2
    SomeJob.set(wait_until: Time.at(due)).perform_later(1)
    expect(next_done).to be_between(due, due + 60)
    wait_until("its report") { log.string.include?("active_job_delays_1s/0@0 is left out") }
  end

  it "see the CurrentAttributes that were set where they were enqueued, and those of no other job" do
    done = self.done
    stub_const("CurrentShop", Class.new(ActiveSupport::CurrentAttributes) { attribute :user, :locale })
    Karafka::ActiveJob::CurrentAttributes.persist("CurrentShop")
    job_class do |number|
      done << [number, CurrentShop.user, CurrentShop.locale]
      CurrentShop.locale = "left over"
    end
    application do
      active_job_topic(:default) { max_messages 10 }
    end
    CurrentShop.set(user: "ann", locale: :de) { SomeJob.perform_later(1) }
    SomeJob.perform_later(2)
    Karafka::Embedded.start
    expect(Array.new(2) { next_done }).to eq([[1, "ann", :de], [2, nil, nil]])
  ensure
    Karafka::ActiveJob::CurrentAttributes.instance_variable_set(:@names, [])
  end
end
